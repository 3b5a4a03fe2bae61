"""Files that survive crashes and full disks: one writer at a time, whole or absent, and clear words about room."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hooke.core.errors import DataError, HookeError

_FULL = (errno.ENOSPC, errno.EDQUOT)


@contextmanager
def exclusive(lock: Path, what: str) -> Iterator[None]:
    """Let only one process into the block; the system drops the lock of a killed one.

    Args:
        lock: A file made for this purpose, removed afterwards.
        what: What another process is doing when it holds the lock: "is downloading x".

    Raises:
        HookeError: Another process is in the block.
    """
    with open(lock, "w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HookeError(f"another process {what}; wait for it and run again") from error
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


@contextmanager
def disk_full_explained(folder: Path, kept: str) -> Iterator[None]:
    """Turn "no space left" anywhere in the block into a `DataError` that says what is kept and what to do."""
    try:
        yield
    except Exception as error:
        if not is_disk_full(error):
            raise
        raise DataError(f"the disk of {folder} is full; {kept}: free space and run the same command again") from error


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that a disk or a quota is full, be it Python's own or the text of a compiled writer's."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in _FULL
    return not isinstance(error, HookeError) and any(
        f"os error {number})" in str(error) or os.strerror(number) in str(error) for number in _FULL
    )


def put_in_place(temporary: Path, path: Path) -> None:
    """Move a finished file to its place; after a crash the place holds the old file or the whole new one."""
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)  # the new name must reach the disk too
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_durably(path: Path, data: bytes) -> None:
    """Write bytes so that after a crash the file is the old one or the whole new one."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_bytes(data)
        put_in_place(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def whole_lines(path: Path) -> list[str]:
    """Lines of a file that is only ever appended to; a last one that a kill cut off is removed from it."""
    if not path.exists():
        return []
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole)
    return whole.splitlines()
