"""Prepared stores by content: the same file with the same options is prepared once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hooke.core.errors import DataError
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.how import How
from hooke.core.label import Label
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
    how: How = How(),
    *,
    labels: Sequence[Label] | None = None,
) -> MoleculeStore:
    """Ingest a table below `root`, or open the store that an earlier call made of the same bytes and options.

    Args:
        table: The file.
        root: Folder of stores.
        options: Anything with the fields of `IngestConfig` (without encodings and standardise); missing ones take the default.
        how: Its sections are "encodings" and "standardise".
        labels: The labels, where a data set states them.
    """
    if not table.is_file():
        raise DataError(f"there is no file {table}")
    taken = {name: getattr(options, name) for name in IngestConfig.__dataclass_fields__ if hasattr(options, name)}
    sections = {name: how.sections[name] for name in ("encodings", "standardise") if name in how.sections}
    config = IngestConfig(**{**taken, **sections})
    content = [file_sha256(table), config, list(labels) if labels is not None else None]
    folder = store_folder(root, table.name.split(".")[0], content)
    store, _ = ingest(table, folder, config, labels=labels, workers=how.workers, show_progress=how.show_progress)
    return store
