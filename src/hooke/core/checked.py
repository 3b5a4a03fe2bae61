"""Files that carry their own checksum: Parquet, safetensors, numpy arrays and archives of them.

Parquet and safetensors have room for free text. `SEAL` is put there with zeros for a digest; when the file is whole, the zeros are
replaced by the SHA-256 of the file as it was with them. An array (.npy) and an HDF5 file (.h5ad) are followed by the SHA-256 of all
bytes before, which numpy and HDF5 do not read, and which goes when HDF5 changes the file; an archive of arrays (.npz) is a zip file, which
has a CRC-32 of everything in it.
Files without a checksum are read as they are: earlier versions wrote them.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from hooke.core.errors import DamagedError, DataError
from hooke.core.files import exclusive, replacing
from hooke.core.hashing import file_sha256
from hooke.core.reading import open_arrays, reading

Kept = TypeVar("Kept")
SEAL_KEY = "hooke.seal"
_ZEROS = "0" * 64
SEAL = {SEAL_KEY: f"sha256:{_ZEROS}"}  # goes into the metadata of a file that `seal` is called for
_PARQUET, _TRAILER = b"PAR1", b"hooke.seal/sha256:"
_CHUNK = 1 << 20


def seal(path: Path) -> None:
    """Put the digest of a finished Parquet or safetensors file into it, where `SEAL` was written.

    Raises:
        ValueError: It holds no `SEAL`.
    """
    place = _place(path)
    if place is None:
        raise ValueError(f"{path} has no place for a checksum")
    digest = file_sha256(path).encode()
    with open(path, "r+b") as file:
        file.seek(place)
        file.write(digest)


def check_seal(path: Path) -> bool:
    """Whether a Parquet or safetensors file carries a checksum; it holds then.

    Raises:
        DamagedError: It does not hold.
        OSError: It cannot be read.
    """
    place = _place(path)
    if place is None:
        return False
    digest, position, stated = hashlib.sha256(), 0, b""
    with open(path, "rb") as file:
        for size in (place, 64, -1):
            while chunk := file.read(_CHUNK if size < 0 else min(_CHUNK, size)):
                if position == place:
                    stated, chunk = chunk, _ZEROS.encode()
                digest.update(chunk)
                position += len(chunk)
                size -= len(chunk) if size >= 0 else 0
                if size == 0:
                    break
    if digest.hexdigest().encode() != stated:
        raise DamagedError(path)
    return True


def write_parquet(table: Any, path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write a polars table with its checksum; after a crash the file is the old one or the whole new one.

    Args:
        table: A `polars.DataFrame`.
        path: The file.
        metadata: Free text of the file.
    """
    with replacing(path) as temporary:
        table.write_parquet(temporary, metadata={**(metadata or {}), **SEAL})
        seal(temporary)


def write_array(path: Path, array: np.ndarray) -> None:
    """Write an array (.npy) with its checksum; after a crash the file is the old one or the whole new one."""
    with replacing(path) as temporary:
        with open(temporary, "r+b") as buffer:
            np.save(buffer, array)
        seal_end(temporary)


def seal_end(path: Path) -> None:
    """Put the digest of a finished file behind its end, where its readers do not look (.npy, HDF5)."""
    digest = file_sha256(path)
    with open(path, "ab") as file:
        file.write(_TRAILER + digest.encode())


def check_end(path: Path) -> bool:
    """Whether a file is followed by its checksum (`seal_end`); it holds then.

    Raises:
        DamagedError: It does not hold.
    """
    size = path.stat().st_size - len(_TRAILER) - 64
    with open(path, "rb") as file:
        file.seek(max(0, size))
        end = file.read()
    if size <= 0 or not end.startswith(_TRAILER):
        return False
    if _sha256_of(path, size) != end[len(_TRAILER) :].decode(errors="replace"):
        raise DamagedError(path)
    return True


def read_array(path: Path, *, mapped: bool = False) -> np.ndarray:
    """An array as `write_array` wrote it, in memory or memory-mapped; all of it is read once for the checksum.

    Raises:
        DamagedError: It is not what was written.
    """
    with reading("it", "an array", raised=partial(DamagedError, path)):
        check_end(path)
        return np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write named arrays (.npz); after a crash the file is the old one or the whole new one."""
    with replacing(path) as temporary, open(temporary, "r+b") as buffer:
        np.savez(buffer, allow_pickle=False, **arrays)


def read_arrays(path: Path, *names: str, optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Named arrays as `write_arrays` wrote them, all without names; every byte that is read is checked.

    Args:
        path: The file (.npz).
        names: Which.
        optional: Further ones, if they are there.

    Raises:
        DamagedError: It is not what was written.
        FileNotFoundError: There is no such file.
    """
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    try:
        with reading("it", "arrays", raised=partial(DamagedError, path)), open_arrays(path) as file:
            chosen = [*names, *(name for name in optional if name in file.files)] or file.files
            return {name: file[name] for name in chosen}
    except DamagedError:
        raise
    except DataError as error:
        raise DamagedError(path, str(error)) from error


def kept_array(path: Path, make: Callable[[], np.ndarray], doing: str, *, mapped: bool = False) -> np.ndarray:
    """An array that is computed once and kept; a damaged one is computed again, with a line that says so.

    Args:
        path: The file (.npy).
        make: Computes it; one process at a time, others wait.
        doing: What that process does meanwhile: "is computing x".
        mapped: Memory-mapped rather than in memory.
    """
    return _kept(path, make, write_array, lambda path: read_array(path, mapped=mapped), doing)


def kept_arrays(path: Path, make: Callable[[], dict[str, np.ndarray]], doing: str) -> dict[str, np.ndarray]:
    """As `kept_array`, of named arrays (.npz)."""
    return _kept(path, make, write_arrays, read_arrays, doing)


def _kept(
    path: Path, make: Callable[[], Kept], write: Callable[[Path, Kept], None], read: Callable[[Path], Kept], doing: str
) -> Kept:
    if path.exists():
        with suppress(DamagedError):
            return read(path)
    with exclusive(path, doing, wait=True):
        if path.exists():  # another process may just have finished it
            try:
                return read(path)
            except DamagedError as error:
                say_made_again(error)
        write(path, make())
        return read(path)


def say_made_again(error: Exception) -> None:
    """Say on the terminal that something damaged is made again."""
    logging.getLogger("hooke").warning("%s; it is made again", error)


def _place(path: Path) -> int | None:
    """Where the digest of a file stands: in the footer of Parquet, in the header of safetensors."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        if size >= 12 and file.read(4) == _PARQUET:
            file.seek(size - 8)
            length = int.from_bytes(file.read(4), "little")
            start = max(4, size - 8 - length)
        else:
            file.seek(0)
            start, length = 8, min(int.from_bytes(file.read(8), "little"), size)
        file.seek(start)
        text = file.read(length)
    key = text.rfind(SEAL_KEY.encode())
    found = text.find(b"sha256:", key) if key >= 0 else -1
    return None if found < 0 or found - key > 64 else start + found + len(b"sha256:")


def _sha256_of(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while size > 0:
            chunk = file.read(min(_CHUNK, size))
            digest.update(chunk)
            size -= len(chunk)
    return digest.hexdigest()
