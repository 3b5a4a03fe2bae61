"""Prepared image stores by content: the same folder with the same options is read once."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl

from hooke.core.errors import UsageError
from hooke.core.hashing import content_hash
from hooke.core.how import How
from hooke.images.reading.ingest import (
    INGEST_VERSION,
    ImageIngestConfig,
    ingest_images,
    planes_hash,
    table_hash,
    times_hash,
)
from hooke.images.reading.layouts import index_folder
from hooke.images.reading.metadata import read_metadata
from hooke.images.reading.options import FolderOptions
from hooke.images.store import REJECTED, ImageStore


def prepare_folder(
    options: FolderOptions,
    root: Path,
    how: How = How(),
    *,
    name: str,
    metadata: pl.DataFrame | None = None,
    source: Mapping[str, object] | None = None,
) -> ImageStore:
    """Read a folder of images into a store below `root`, or open the store that an earlier call made of the same files.

    Args:
        options: Which folder and how.
        root: Folder of stores.
        how: No section is read.
        name: The store's folder begins with it.
        metadata: The table, where a data set makes it; else it is read from `options.metadata`.
        source: Kept in the store.

    Raises:
        UsageError: No folder is named.
        DataError: As in `ingest_images`.
    """
    if not options.path:
        raise UsageError(f"name the folder of the images of {name}: path=FOLDER")
    index = index_folder(Path(options.path), options.layout, pattern=options.pattern, z=options.z)
    if metadata is None and options.metadata:
        metadata = read_metadata(Path(options.metadata), options.rename)
    config = ImageIngestConfig(
        options.channels, options.channel_names, options.problems, options.blank, options.dtype, options.illumination,
        options.downsample, options.tile,
    )  # fmt: skip
    rows = None if metadata is None else table_hash(metadata)
    digest = content_hash([INGEST_VERSION, planes_hash(index), times_hash(index), rows, config, dict(source or {})])
    place = content_hash([str(Path(options.path).resolve()), options.metadata, config])
    folder = Path(root) / f"{name}-{place[:6]}-{digest[:12]}"
    store = ingest_images(
        index, folder, config, metadata=metadata, source=source, workers=how.workers, show_progress=how.show_progress
    )
    _forget(folder.parent.glob(f"{name}-{place[:6]}-*"))
    return store


def _forget(paths: Iterable[Path]) -> None:
    """Remove what earlier attempts at the same folder left unfinished before files or table were put right."""
    for path in paths:
        if path.name.endswith(f".{REJECTED}"):
            path.unlink(missing_ok=True)
        elif path.name.endswith(".partial") and not path.with_suffix(".lock").exists():
            shutil.rmtree(path)
