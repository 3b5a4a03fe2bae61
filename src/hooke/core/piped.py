"""Standard input and output as files: `-` where a verb takes the name of a table."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from hooke.core.compressed import compression, is_workbook
from hooke.core.errors import DataError
from hooke.core.files import remove_folder, write_durably
from hooke.core.reading import is_parquet, opened, reading

PIPE = Path("-")
Given = TypeVar("Given", str, Path)
_BLOCK = 1 << 20


@contextmanager
def piped_source(path: Given) -> Iterator[Given | Path]:
    """The file itself; for `-` a temporary one with all of the standard input, whose ending says what it holds.

    Parquet and workbooks are told by their first bytes, SD files, compressed or not, by the end of a structure; other text is a table with
    a header, or SMILES and names where its first line has no column of SMILES.

    Raises:
        DataError: The standard input is empty.
    """
    if str(path) != str(PIPE):
        yield path
        return
    data = _standard_input()
    folder = _folder("source")
    try:
        raw = folder / "stdin"
        write_durably(raw, data)
        yield raw.rename(folder / f"stdin{_ending(raw)}")
    finally:
        remove_folder(folder)


def kept_source(path: Path, folder: Path) -> Path:
    """The file itself; for `-` a file in this folder with all of the standard input, named by its content, which stays.

    Raises:
        DataError: The standard input is empty.
    """
    if path != PIPE:
        return path
    data = _standard_input()
    raw = folder / f"stdin-{hashlib.sha256(data).hexdigest()[:12]}"
    write_durably(raw, data)
    return raw.rename(raw.with_name(f"{raw.name}{_ending(raw)}"))


def _standard_input() -> bytes:
    data = sys.stdin.buffer.read()
    if not data.strip():
        raise DataError("the standard input is empty")
    return data


@contextmanager
def piped_output(path: Path) -> Iterator[Path]:
    """The file itself; for `-` a temporary CSV that is copied to the standard output at the end."""
    if path != PIPE:
        yield path
        return
    folder = _folder("output")
    try:
        file = folder / "stdout.csv"
        yield file
        with open(file, "rb") as written:
            while block := written.read(_BLOCK):
                sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
    finally:
        if folder.exists():
            remove_folder(folder)


def _folder(what: str) -> Path:
    return Path(tempfile.gettempdir()) / f"hooke-{os.getpid()}-{what}"


def _ending(file: Path) -> str:
    if is_parquet(file):
        return ".parquet"
    if is_workbook(file):
        return ".xlsx"
    with reading("the standard input", compression(file)), opened(file) as content:
        data = content.read(_BLOCK)
    if b"M  END" in data or b"$$$$" in data:
        return ".sdf"
    first = data.lstrip(b"\xef\xbb\xbf").split(b"\n", 1)[0].replace(b"\0", b"")
    named = any(name in first.lower() for name in (b"smiles", b"structure", b"drug", b"mol"))
    return ".csv" if named or any(mark in first for mark in b",;\t|") else ".smi"
