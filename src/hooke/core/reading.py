"""The border of every reader: what goes wrong inside becomes an error of this library, and what a file may cost is bounded here.

A file that a user hands over may be anything. Sizes that it declares are checked before memory is taken for them; what can be
read in pieces is. The limits below leave room for real data; `HOOKE_LARGEST_MB` raises those of single objects for trusted files.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from hooke.core.compressed import compression, open_compressed
from hooke.core.errors import DataError, HookeError, UsageError
from hooke.core.files import is_disk_full

LARGEST_OBJECT = (
    int(os.environ.get("HOOKE_LARGEST_MB", "128"))
) << 20  # bytes of an image plane, an array, a member of an archive
MOST_EXPANSION = (
    200  # times its bytes on the disk that a table may take up in memory, once that is more than LARGEST_OBJECT
)
LONGEST_LINE = 1 << 22  # characters of a line or record of a text table
LONGEST_SKIPPED = 1 << 26  # characters of a line that is refused as one row; a file with a longer one is refused whole
CHUNK_CHARACTERS = 1 << 25  # of rows of a text table that are held at a time
MOST_COLUMNS = 100_000
_BLOCK = 1 << 20
_NEWLINE = 10
_PARQUET = b"PAR1"
_VARIABLE = "HOOKE_LARGEST_MB"
_RAISE = f"raise {_VARIABLE} if the file is to be trusted"


def largest_object() -> int:
    """`LARGEST_OBJECT`, or what the environment says.

    Raises:
        UsageError: It says no number.
    """
    text = os.environ.get(_VARIABLE, "")
    if text and not text.isdecimal():
        raise UsageError(f"{_VARIABLE} must be a whole number of megabytes, got {text!r}")
    return int(text) << 20 if text else LARGEST_OBJECT


@contextmanager
def reading(what: Path | str, kind: str = "", *, raised: Callable[[str], HookeError] = DataError) -> Iterator[None]:
    """Let nothing but this library's errors, Ctrl-C and a full disk out of the block, compiled code's panics included.

    Args:
        what: The file, or what is read, for the message.
        kind: What it is read as: "a Parquet file".
        raised: Makes the error of a message.

    Raises:
        DataError: Anything went wrong; the cause is chained. It is what `raised` makes.
    """
    try:
        yield
    except (HookeError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # panics of Rust are no Exception
        if is_disk_full(error):
            raise
        raised_error = raised(f"{what} {_reason(error, kind)}")
        raise raised_error from error


def _reason(error: BaseException, kind: str) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, IsADirectoryError):
        return "is a folder, not a file"
    if isinstance(error, PermissionError):
        return f"may not be read: {error.strerror}"
    as_kind = f" as {kind}" if kind else ""
    return f"cannot be read{as_kind}: {in_short(error)}"


def in_short(error: BaseException) -> str:
    """The first line of an error's message, at most 200 characters; in words where it has none that helps."""
    if isinstance(error, MemoryError):
        return "it does not fit into memory"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return f"it is not {error.encoding} (byte {error.start})"
    if isinstance(error, UnicodeEncodeError):
        return "it is not valid text (a lone surrogate)"
    if isinstance(error, EOFError):
        return "it is truncated"
    if isinstance(error, KeyError):
        return f"it lacks {str(error.args[0])[:200]!r}" if error.args else "an entry is missing"
    lines = str(error).strip().splitlines()
    return lines[0].strip()[:200] if lines else type(error).__name__


def refuse_larger(size: float, what: Path | str, limit: int | None = None) -> None:
    """Refuse what declares to be larger than `LARGEST_OBJECT`, before memory is taken for it.

    Args:
        size: Bytes that it declares.
        what: For the message.
        limit: Bytes; None takes `LARGEST_OBJECT`.

    Raises:
        DataError: It is larger.
    """
    most, remedy = (largest_object(), f": {_RAISE}") if limit is None else (limit, "")
    if size > most:
        raise DataError(
            f"{what} declares {size / 2**20:,.0f} MB, at most {most / 2**20:,.0f} MB are read at a time{remedy}"
        )


def refuse_expansion(path: Path, size: float) -> None:
    """Refuse a compressed file that would grow out of proportion.

    Args:
        path: The file.
        size: Bytes that it declares, or that were found so far, uncompressed.

    Raises:
        DataError: They are more than `LARGEST_OBJECT`, and more than `MOST_EXPANSION` times the file.
    """
    if size > max(largest_object(), MOST_EXPANSION * path.stat().st_size):
        raise DataError(
            f"{path} grows to {size / 2**20:,.0f} MB or more, over {MOST_EXPANSION} times its size on the disk: {_RAISE}"
        )


def read_bytes(path: Path) -> bytes:
    """A file's bytes, those of a compressed one unpacked; see `opened` and `refuse_expansion`."""
    with reading(path), reading(path, compression(path)), opened(path) as file:
        refuse_larger(path.stat().st_size, path)
        parts, size = [], 0
        while block := file.read(_BLOCK):
            parts.append(block)
            size += len(block)
            refuse_expansion(path, size)
        return b"".join(parts)


def opened(path: Path) -> IO[bytes]:
    """A file opened for its bytes, those within a compressed one (gzip, bzip2, xz, zstd, a zip archive of one file), whatever its name."""
    kind = compression(path)
    return open_compressed(path, kind) if kind else open(path, "rb")


def check_table(path: Path) -> None:
    """Refuse a table (Parquet or text) that a reader of whole tables would take too much memory for."""
    if is_parquet(path):
        check_parquet(path, whole=True)
    else:
        check_text_table(path)


def check_text_table(path: Path) -> None:
    """Refuse a text table that a reader of whole tables would take too much memory for; it is read through once.

    Raises:
        DataError: A line is longer than `LONGEST_LINE`, the first has more than `MOST_COLUMNS` cells, or it is compressed and grows out
            of proportion.
    """
    with reading(path, "a text table"), opened(path) as file:
        packed, size, line, first, header = bool(compression(path)), 0, 0, b"", True
        while block := file.read(_BLOCK):
            size += len(block)
            if packed:
                refuse_expansion(path, size)
            ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE)
            if header:
                first += block[: ends[0]] if len(ends) else block
                header = not len(ends)
            edges = np.concatenate([[-1 - line], ends, [len(block)]])
            line = int(edges[-1] - edges[-2] - 1)
            if int(np.diff(edges).max()) - 1 > LONGEST_LINE:
                raise DataError(f"{path} has a line of more than {LONGEST_LINE:,} characters: it is not a table")
        refuse_columns(path, max(first.count(mark) for mark in (b",", b"\t", b";", b"|")) + 1)


def is_parquet(path: Path) -> bool:
    """By its name, or by its first bytes under another one."""
    if path.name.lower().endswith((".parquet", ".pq")):
        return True
    with open(path, "rb") as file:
        return file.read(len(_PARQUET)) == _PARQUET


def refuse_columns(path: Path, count: int) -> None:
    """Refuse a table of more than `MOST_COLUMNS` columns."""
    if count > MOST_COLUMNS:
        raise DataError(f"{path} has {count:,} columns, at most {MOST_COLUMNS:,} are read")


def check_parquet(path: Path, *, whole: bool) -> None:
    """Refuse a Parquet file whose footer declares what no such file of real data would take.

    Args:
        path: The file.
        whole: It will be in memory as a whole, rather than a few rows at a time.

    Raises:
        DataError: It is no Parquet file, has too many columns, or grows out of proportion.
    """
    import pyarrow.parquet as pq

    with reading(path, "a Parquet file"):
        about = pq.read_metadata(path)
        refuse_columns(path, about.num_columns)
        groups = [about.row_group(number) for number in range(about.num_row_groups)]
        largest = max((group.total_byte_size for group in groups), default=0)
        refuse_expansion(path, largest)
        if whole:
            refuse_expansion(path, sum(group.total_byte_size for group in groups))
            refuse_expansion(path, about.num_rows * about.num_columns * 8.0)


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, what: Path | str) -> bytes:
    """A member of a zip archive; it cannot give more than it declares, and that is bounded."""
    refuse_larger(info.file_size, f"{what}, {info.filename}")
    with archive.open(info) as file:
        return file.read(info.file_size)


@contextmanager
def open_arrays(path: Path) -> Iterator[Any]:
    """An npz file, open; to be used within `reading`.

    Raises:
        DataError: It is no npz file, or its arrays declare sizes out of proportion.
    """
    with open(path, "rb") as file:
        if not zipfile.is_zipfile(file):
            raise DataError(f"{path} is truncated, or no npz file")
        file.seek(0)
        with np.load(file, allow_pickle=False) as arrays:
            refuse_expansion(path, sum(info.file_size for info in arrays.zip.infolist()))
            yield arrays


def check_safetensors(path: Path) -> None:
    """Refuse a safetensors file whose header alone would take much memory."""
    with reading(path, "safetensors"), open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length <= path.stat().st_size:
            refuse_larger(length, f"the header of {path}", 1 << 24)
