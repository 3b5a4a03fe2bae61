"""Files that are compressed: found by their first bytes, whatever their name, and opened for the bytes within."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from pathlib import Path
from typing import IO, Any

from hooke.core.errors import DataError

MARKS = {"gzip": b"\x1f\x8b", "bzip2": b"BZh", "xz": b"\xfd7zXZ\0", "zstd": b"\x28\xb5\x2f\xfd"}
ENDINGS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd", ".zip": "zip"}
_ZIP = b"PK\x03\x04"
_WORKBOOK = ("[Content_Types].xml", "xl/")  # how members of a workbook begin


def compression(path: Path) -> str:
    """What a file is compressed with: gzip, bzip2, xz, zstd, zip (an archive, no workbook) or "".

    A file without content is what its name says.
    """
    with open(path, "rb") as file:
        head = file.read(8)
    if not head:
        return ENDINGS.get(path.suffix.lower(), "")
    if head.startswith(_ZIP):
        return "" if is_workbook(path) else "zip"
    return next((name for name, mark in MARKS.items() if head.startswith(mark)), "")


def is_workbook(path: Path) -> bool:
    """Whether a file is an Excel workbook (.xlsx), whatever its name."""
    with open(path, "rb") as file:
        if file.read(len(_ZIP)) != _ZIP or not zipfile.is_zipfile(file):
            return False
    with zipfile.ZipFile(path) as archive:
        return any(name.startswith(_WORKBOOK) for name in archive.namelist())


def plain_name(path: Path) -> str:
    """The lower-case name of a file without the ending that says how it is compressed."""
    name = path.name.lower()
    ending = next((ending for ending in ENDINGS if name.endswith(ending)), "")
    return name.removesuffix(ending)


def open_compressed(path: Path, kind: str) -> IO[bytes]:
    """A compressed file, opened for the bytes within.

    Args:
        path: The file.
        kind: What `compression` says.

    Raises:
        DataError: It is a zip archive of no file, or of several.
    """
    if kind == "zip":
        archive = zipfile.ZipFile(path)
        members = [
            info
            for info in archive.infolist()
            if not info.is_dir() and not info.filename.startswith("__MACOSX/") and "/." not in f"/{info.filename}"
        ]
        if len(members) != 1:
            archive.close()
            names = ", ".join(info.filename for info in members[:5])
            raise DataError(
                f"{path} is a zip archive of {len(members)} files{f' ({names})' if names else ''}: unpack it and name one of them"
            )
        return archive.open(members[0])
    if kind == "zstd":
        import pyarrow

        return pyarrow.input_stream(str(path), compression="zstd")
    openers: dict[str, Any] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
    return openers[kind](path, "rb")
