"""Choosing some of several named things: "all", names separated by commas, or a sequence of names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from hooke.core.errors import UnknownNameError, UsageError

Value = TypeVar("Value")


def choose(what: str, wanted: Sequence[str] | str, valid: Mapping[str, Value]) -> dict[str, Value]:
    """The wanted entries of `valid`, in the order of `valid`.

    Args:
        what: What the names name: "table of toymix".
        wanted: "all", "a,b" or ("a", "b").
        valid: All there are.

    Raises:
        UnknownNameError: A name that is not valid.
        UsageError: No name at all.
    """
    names = [name.strip() for name in wanted.split(",")] if isinstance(wanted, str) else list(wanted)
    if names == ["all"]:
        return dict(valid)
    if not any(names):
        raise UsageError(f"name at least one {what}: {', '.join(valid)}, or all")
    for name in names:
        if name not in valid:
            raise UnknownNameError(what, name, [*valid, "all"])
    return {name: value for name, value in valid.items() if name in names}
