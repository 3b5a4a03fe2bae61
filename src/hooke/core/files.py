"""The one place that writes: files and folders are whole or absent after a crash, and have one writer at a time.

A file is written under a temporary name of its own, brought to the disk, and renamed into place. What a killed process leaves under
such a name is removed by the next one that takes the lock. `watchers` are called before every step that changes what a later command
would find: tests stop there, one step after the other.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO

from hooke.core.errors import DataError, HookeError

watchers: list[
    Callable[[str, Path], None]
] = []  # called with "write", "place", "append", "remove" or "clear", and the path
_FULL = (errno.ENOSPC, errno.EDQUOT)
_LONGEST_STEM = 200  # bytes of a name that stay when something is added; file systems allow 255
_SHORT_WAIT_S = 1.0  # which is not worth a line
_TEMPORARY = re.compile(r"\.\d+-[0-9a-f]{8}\.tmp$")
_LOG = logging.getLogger("hooke")


@contextmanager
def exclusive(path: Path, doing: str, *, wait: bool = False, others: Iterable[Path] = ()) -> Iterator[None]:
    """Let only one process or thread work on a file or folder; the system drops the lock of a killed one.

    The lock is a file beside it that is removed while it is still held: whoever had opened it before sees, once its turn comes, that
    another file has the name by then, and tries again. So no two processes ever hold locks on different files of one name.

    Args:
        path: What is worked on. Unfinished files that a killed process left under its name are removed.
        doing: What another process is doing when it holds the lock: "is downloading x".
        wait: Say so and wait for it, rather than refuse.
        others: Further files that are written by whoever holds this lock alone.

    Raises:
        HookeError: Another process is in the block, and `wait` is False.
        DataError: Nothing can be written there.
    """
    lock = beside(Path(path), ".lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        held = _locked(lock, doing, wait)
    except OSError as error:
        if is_disk_full(error):
            raise
        raise DataError(f"{path} cannot be written: {os.strerror(error.errno or 0)}") from error
    try:
        for written in (Path(path), *others):
            remove_leftovers(written)
        yield
    finally:
        lock.unlink(missing_ok=True)
        held.close()


def locked(path: Path) -> bool:
    """Whether a process works on a file or folder, or was killed while it did: `exclusive` then tidies up."""
    return beside(Path(path), ".lock").exists()


def _locked(lock: Path, doing: str, wait: bool) -> IO[str]:
    """The open and locked file that has the name of the lock."""
    started, said = time.monotonic(), False
    while True:
        file = open(lock, "a+")  # noqa: SIM115 (closed by the caller)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = _owner(file)
            if not wait:
                file.close()
                raise HookeError(f"another process {doing}{owner}; wait for it and run again") from None
            if time.monotonic() - started < _SHORT_WAIT_S:
                file.close()
                time.sleep(0.01)
                continue
            if not said:
                _LOG.warning("waiting: another process %s%s", doing, owner)
                said = True
            fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), lock.stat()):
                file.truncate(0)
                file.write(str(os.getpid()))
                file.flush()
                return file
        file.close()


def _owner(file: IO[str]) -> str:
    file.seek(0)
    text = file.read(20)
    return f" (number {text})" if text.isdigit() else ""


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


@contextmanager
def replacing(path: Path, *, folder: bool = False) -> Iterator[Path]:
    """A temporary path, of an empty file or folder, that takes the place of `path` when the block ends well, and is removed when not.

    The folder that `path` lies in is made if need be. A folder takes the place of none, or of an empty one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    _about_to("write", temporary)
    try:
        temporary.mkdir() if folder else temporary.touch()
        yield temporary
        put_in_place(temporary, path)
    except BaseException:
        _discard(temporary)
        raise


def put_in_place(temporary: Path, path: Path) -> None:
    """Move a finished file or folder to its place; after a crash the place holds the old file or the whole new one."""
    _about_to("place", path)
    settle(temporary)
    os.replace(temporary, path)
    settle(path.parent)  # the new name must reach the disk too


def link_to(target: Path, link: Path) -> None:
    """Make a symbolic link, in place of whatever file has its name."""
    with replacing(link) as temporary:
        temporary.unlink()
        temporary.symlink_to(target)


def settle(path: Path) -> None:
    """Bring a file, or the names in a folder, to the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def write_durably(path: Path, data: bytes | str) -> None:
    """Write bytes, or text as UTF-8, so that after a crash the file is the old one or the whole new one; makes its folder if need be."""
    with replacing(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


@contextmanager
def appending(path: Path, *, afresh: bool = False) -> Iterator[BinaryIO]:
    """A file that grows and whose last bytes a crash may cut off: whoever reads it knows how many count."""
    _about_to("append", path)
    with open(path, "wb" if afresh else "ab") as file:
        yield file


def append_lines(path: Path, lines: Iterable[str]) -> None:
    """Add lines to a file, which is made if need be; a last line that a kill cut off is removed first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if _last_byte(path) not in (b"", b"\n"):
        whole_lines(path)
    with appending(path) as file:
        file.write("".join(f"{line}\n" for line in lines).encode())
        file.flush()
        os.fsync(file.fileno())


def whole_lines(path: Path) -> list[str]:
    """Lines of a file that is only ever appended to; a last one that a kill cut off is removed from it."""
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        write_durably(path, whole)
    return whole.decode().splitlines()


def latest_entries(path: Path, names: Sequence[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Values of these names → entry, of a file of JSON objects that is only ever appended to; of two with equal values the later."""
    entries = map(json.loads, whole_lines(path))
    return {tuple(entry[name] for name in names): entry for entry in entries}


def _last_byte(path: Path) -> bytes:
    if not path.exists() or not path.stat().st_size:
        return b""
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    _about_to("remove", path)
    path.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Remove a folder and all that is in it, if it is there; after a crash it is there whole or not at all."""
    if path.exists():
        gone = _temporary(path)
        _about_to("remove", path)
        os.replace(path, gone)
        _about_to("clear", gone)
        shutil.rmtree(gone)


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes left unfinished of a file, or of a folder and in it; call it where no other process can be at work."""
    stem = _stem(path)
    beside_it = [other for other in path.parent.glob("*.tmp") if other.name.startswith(stem)]
    within = path.rglob("*.tmp") if path.is_dir() else ()
    for leftover in [*(other for other in beside_it if _TEMPORARY.fullmatch(other.name, len(stem))), *within]:
        if _TEMPORARY.search(leftover.name):
            _discard(leftover)


def try_to_write(folder: Path, name: str) -> None:
    """Write an empty file into a folder, made if need be, with as long a name as any that will be written beside `name`; take it away.

    Raises:
        OSError: It cannot be done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f"{name}.{secrets.token_hex(8)}.tmp"
    with open(probe, "xb"):
        probe.unlink()


def beside(path: Path, ending: str) -> Path:
    """`path` with something added to its name, which is shortened where file systems would refuse it."""
    return path.with_name(f"{_stem(path)}{ending}")


def _about_to(step: str, path: Path) -> None:
    for watcher in watchers:
        watcher(step, path)


def _stem(path: Path) -> str:
    name = path.name.encode()
    if len(name) <= _LONGEST_STEM:
        return path.name
    return f"{name[: _LONGEST_STEM - 9].decode(errors='ignore')}-{hashlib.sha256(name).hexdigest()[:8]}"


def _temporary(path: Path) -> Path:
    return beside(path, f".{os.getpid()}-{secrets.token_hex(4)}.tmp")


def _discard(path: Path) -> None:
    with suppress(OSError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
