"""Errors that a user can act on, and the nearest valid name for a misspelt one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class HookeError(Exception):
    """Base of all errors whose message is meant for the user; the command line prints them without a traceback."""

    exit_code = 1


class UsageError(HookeError):
    """A wrong name, key, value or combination in a recipe, an option or a call. Exit code 2."""

    exit_code = 2


class DataError(HookeError):
    """A file or store that is damaged, incomplete or not what it claims to be. Exit code 3."""

    exit_code = 3


class DamagedError(DataError):
    """A file whose bytes are not those that were written; what can be made again is, with a line that says so."""

    def __init__(self, path: Path | str, what: str = "its bytes are not those that were written (checksum)") -> None:
        self.path, self.what = Path(path), what
        super().__init__(f"{path} is damaged: {what}")

    def __reduce__(self) -> tuple[type[DamagedError], tuple[Path, str]]:
        """So that it crosses from a worker process whole."""
        return type(self), (self.path, self.what)


class UnknownNameError(UsageError):
    """A name that is not among the valid ones; the message offers the nearest, and the way out where there is another."""

    def __init__(self, what: str, name: str, valid: Iterable[str], near: str | None = None, remedy: str = "") -> None:
        self.what, self.name, self.remedy = what, name, remedy
        self.valid = sorted(valid)
        self.nearest = near or nearest(name, self.valid)
        hint = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        listing = ", ".join(self.valid[:20]) + (", ..." if len(self.valid) > 20 else "")
        end = f"; {remedy}" if remedy else ""
        super().__init__(f"unknown {what} {name!r}.{hint} Valid: {listing or '(none)'}{end}")

    def __reduce__(self) -> tuple[type[UnknownNameError], tuple[str, str, list[str], str | None, str]]:
        """So that it crosses from a worker process whole."""
        return type(self), (self.what, self.name, self.valid, self.nearest, self.remedy)


def nearest(name: str, valid: Iterable[str], cutoff: float = 0.5) -> str | None:
    """The valid name most similar to `name`, or None when nothing is similar; `cutoff`: of difflib's ratio."""
    matches = difflib.get_close_matches(name, list(valid), n=1, cutoff=cutoff)
    return matches[0] if matches else None
