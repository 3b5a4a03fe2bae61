"""Prepared stores by content: the same file with the same options is prepared once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hooke.core.errors import DataError
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.label import Label
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import KEEP_ALL, StandardiseConfig
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables.ingest import IngestConfig, ingest

PREPARE_VERSION = 2  # raise it when the same input would be prepared differently


def store_folder(root: Path, name: str, content: object) -> Path:
    """Where the store of this content lies: root/<name>-<hash of the content>."""
    return root / f"{name}-{content_hash([PREPARE_VERSION, content])[:12]}"


def prepare_table(
    table: Path,
    root: Path,
    options: Any,
    *,
    labels: Sequence[Label] | None = None,
    encodings: EncodingConfig | None = None,
    standardise: StandardiseConfig | None = None,
    workers: int | None = None,
    show_progress: bool = True,
) -> MoleculeStore:
    """Ingest a table below `root`, or open the store that an earlier call made of the same bytes and options.

    Args:
        table: The file.
        root: Folder of stores.
        options: Anything with the fields of `IngestConfig` (without encodings and standardise); missing ones take the default.
        labels: The labels, where a data set states them.
        encodings, standardise: As in `IngestConfig`.
        workers, show_progress: As in `ingest`.
    """
    if not table.is_file():
        raise DataError(f"there is no file {table}")
    taken = {name: getattr(options, name) for name in IngestConfig.__dataclass_fields__ if hasattr(options, name)}
    config = IngestConfig(
        **{**taken, "encodings": encodings or EncodingConfig(), "standardise": standardise or KEEP_ALL}
    )
    content = [file_sha256(table), config, list(labels) if labels is not None else None]
    folder = store_folder(root, table.name.split(".")[0], content)
    store, _ = ingest(table, folder, config, labels=labels, workers=workers, show_progress=show_progress)
    return store
