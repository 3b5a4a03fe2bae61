"""Where Hooke keeps prepared data, where a local mirror of raw files lies, and how names of tables end."""

from __future__ import annotations

import os
from pathlib import Path

from hooke.core.compressed import ENDINGS
from hooke.core.errors import DataError

SMILES_ENDINGS = (".smi", ".smiles", ".ism", ".txt")
TABLE_SUFFIXES = (".csv", ".tsv", *SMILES_ENDINGS, ".sdf", ".sd", ".parquet", ".pq", ".xlsx", *ENDINGS)


def cache_folder() -> Path:
    """Folder of downloads and prepared stores: $HOOKE_CACHE, or ~/.cache/hooke."""
    return Path(os.environ.get("HOOKE_CACHE") or Path.home() / ".cache" / "hooke")


def mirror_folder() -> Path | None:
    """The local folder of raw files named by $HOOKE_MIRROR, or None.

    Raises:
        DataError: HOOKE_MIRROR is set but is not a folder: a wrong mirror must not fall back to the network unnoticed.
    """
    name = os.environ.get("HOOKE_MIRROR")
    if not name:
        return None
    path = Path(name)
    if not path.is_dir():
        raise DataError(f"HOOKE_MIRROR is set to {name!r}, which is not a folder")
    return path
