"""The profile store: vectors in a memory-mapped column, with one row of metadata each.

`metadata.parquet` beside the shards holds the metadata, `rejected.parquet` the rows that were left out. The manifest knows the names
of the features and the labels: the columns that a data set says are to be learnt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.cells.controls import BATCH_COLUMNS
from hooke.cells.profiles import Profiles
from hooke.cells.targets import column_labels, label_values
from hooke.core.errors import DataError
from hooke.core.files import exclusive, locked, replacing
from hooke.core.hashing import content_hash
from hooke.core.label import Label
from hooke.core.store import Column, Schema, Store, StoreWriter
from hooke.core.store.integrity import is_whole, remove_damaged
from hooke.core.store.opened import OpenedStore
from hooke.core.store.schema import manifests

KIND = "profiles"
METADATA, REJECTED = "metadata.parquet", "rejected.parquet"
EMPTY = "the profile holds no number"
PREPARE_VERSION = 1  # raise it when the same content would be prepared differently
_VALUES = "profile"
_BLOCK = 1 << 14  # rows written at a time


class ProfileStore(OpenedStore):
    """A finished profile store, opened for reading; opening reads the table of metadata and maps the vectors."""

    kind = items = KIND

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.metadata: pl.DataFrame = pl.read_parquet(store.file(METADATA))
        self.features: tuple[str, ...] = tuple(store.metadata["features"])
        self.labels: tuple[Label, ...] = tuple(Label.from_json(entry) for entry in store.metadata["labels"])

    @classmethod
    def write(
        cls, profiles: Profiles, folder: Path, *, targets: Sequence[str] = (), description: Mapping[str, Any] | None = None
    ) -> ProfileStore:  # fmt: skip
        """Write profiles into a new store; rows that hold no number at all are left out and listed.

        Args:
            profiles: What is written.
            folder: The store; created.
            targets: Metadata columns that are labels.
            description: Anything JSON: where the profiles come from, whether they are simulated.

        Raises:
            UnknownNameError: A target is no column.
            UsageError: The folder holds a store already, or a target is no label.
            DataError: No profile holds a number.
        """
        folder = Path(folder)
        with exclusive(folder, f"is writing {folder}"):
            _write(profiles, folder, targets, description)
        return cls.open(folder)

    def __repr__(self) -> str:
        return f"ProfileStore({str(self.folder)!r}: {len(self):,} profiles of {len(self.features):,} features)"

    @property
    def left_out(self) -> str:
        """What was left out, in a line for people; "" when nothing was."""
        return f"{self.refused:,} rows left out: {self.folder / REJECTED}" if self.refused else ""

    def values(self, rows: np.ndarray | None = None) -> np.ndarray:
        """(rows, d) float32 vectors; of all rows without."""
        return self.store.row_column(_VALUES, rows)

    def profiles(self) -> Profiles:
        """Everything, in memory."""
        return Profiles(self.values(), self.metadata, self.features)

    @cached_property
    def targets(self) -> np.ndarray:
        """(profiles, labels) float32: the values of the labels, NaN = not known."""
        return label_values(self.metadata, self.labels)

    @cached_property
    def batch_names(self) -> np.ndarray | None:
        """(profiles,) text: the experimental batch of each; None where no column tells."""
        name = next((name for name in BATCH_COLUMNS if name in self.metadata.columns), None)
        return None if name is None else self.metadata[name].fill_null("").to_numpy().astype(str)

    @property
    def control(self) -> np.ndarray:
        """(profiles,) bool: negative controls."""
        if "control" not in self.metadata.columns:
            return np.zeros(len(self), bool)
        return self.metadata["control"].fill_null("").to_numpy() == "negative"


def _write(
    profiles: Profiles, folder: Path, targets: Sequence[str] = (), description: Mapping[str, Any] | None = None
) -> None:
    kept = np.isfinite(profiles.values).any(axis=1)
    if not kept.any():
        raise DataError(f"none of the {len(profiles):,} profiles holds a number")
    rejected = pl.DataFrame({"row": np.flatnonzero(~kept) + 1}).with_columns(reason=pl.lit(EMPTY))
    profiles = profiles.take(kept)
    labels = column_labels(profiles.metadata, targets)
    about = {
        **(description or {}), "kind": KIND, "features": list(profiles.features),
        "labels": [label.to_json() for label in labels], "counts": {"profiles": len(profiles), "refused": len(rejected)},
    }  # fmt: skip
    schema = Schema((Column(_VALUES, "row", "float32", (profiles.dim,)),))
    writer = StoreWriter(folder, schema, metadata=about)
    for start in range(0, len(profiles), _BLOCK):
        block = profiles.values[start : start + _BLOCK]
        writer.append(len(block), {_VALUES: block}, {})
    for name, table in ((METADATA, profiles.metadata), (REJECTED, rejected)):
        with replacing(folder / name) as temporary:
            table.write_parquet(temporary)
    writer.add_file(METADATA)
    writer.add_file(REJECTED)
    writer.close()


def is_store(folder: Path) -> bool:
    """Whether a folder holds a finished store, of whatever kind."""
    return bool(manifests(Path(folder)))


def prepared(root: Path, name: str, content: object, make: Callable[[], Profiles], **options: Any) -> ProfileStore:
    """The store of this content below `root`: opened where it is there, else made and written.

    Args:
        root: Folder of stores.
        name: The store's folder begins with it.
        content: What the profiles depend on; hashed.
        make: Makes them.
        options: Of `ProfileStore.write`.
    """
    folder = Path(root) / f"{name}-{content_hash([PREPARE_VERSION, content])[:12]}"
    if not is_whole(folder) or locked(folder):
        with exclusive(folder, f"is preparing {folder}", wait=True):
            remove_damaged(folder)
            if not is_store(folder):  # another process may just have made it
                _write(make(), folder, **options)
    return ProfileStore.open(folder)
