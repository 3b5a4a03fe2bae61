"""Single files out of archives that others publish."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from hooke.core.errors import DataError
from hooke.core.files import appending, replacing
from hooke.core.reading import reading, refuse_expansion


def extract(archive: Path, name: str, folder: Path) -> Path:
    """Take one file out of a zip archive, unless it was taken out of this archive before.

    Args:
        archive: The archive.
        name: "folder/file", the end of exactly one path in the archive, whatever folders stand before it.
        folder: It becomes folder / name.

    Raises:
        DataError: The archive is damaged, or holds no such file, or several.
    """
    path = Path(folder) / name
    if path.exists() and path.stat().st_mtime >= archive.stat().st_mtime:
        return path
    with reading(archive, "a zip archive"), zipfile.ZipFile(archive) as opened:
        found = [inside for inside in opened.namelist() if f"/{inside}".endswith(f"/{name}")]
        if len(found) != 1:
            raise DataError(f"{archive} holds {len(found)} files named {name}, expected one")
        refuse_expansion(archive, opened.getinfo(found[0]).file_size)
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(found[0]) as packed, replacing(path) as temporary, appending(temporary) as file:
            shutil.copyfileobj(packed, file, 1 << 20)
    return path
