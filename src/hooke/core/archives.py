"""Single files out of archives that others publish."""

from __future__ import annotations

import zipfile
from pathlib import Path

from hooke.core.errors import DataError
from hooke.core.files import write_durably


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
    try:
        with zipfile.ZipFile(archive) as opened:
            found = [inside for inside in opened.namelist() if f"/{inside}".endswith(f"/{name}")]
            if len(found) != 1:
                raise DataError(f"{archive} holds {len(found)} files named {name}, expected one")
            content = opened.read(found[0])
    except zipfile.BadZipFile as error:
        raise DataError(f"{archive} is no zip archive, or damaged: {error}") from error
    write_durably(path, content)
    return path
