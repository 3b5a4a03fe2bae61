"""The wells of a store: their fields, what is known about them, and means over fields. No torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from hooke.images.store import ImageStore

KEYS = ("experiment", "plate", "well")
_OF_FIELDS = ("site", "height", "width")


@dataclass(frozen=True)
class Wells:
    """The wells of a store, in the order of their first fields.

    Attributes:
        table: One row a well: the metadata of its first field, without what belongs to fields, and `fields`, their number.
        rows: The fields of each well.
    """

    table: pl.DataFrame
    rows: tuple[np.ndarray, ...]

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, store: ImageStore) -> Wells:
        """The wells of a store; its fields belong together when experiment, plate and well are equal."""
        fields = store.metadata.drop(*_OF_FIELDS).with_row_index("_row")
        others = [name for name in fields.columns if name not in KEYS and name != "_row"]
        wells = fields.group_by(KEYS, maintain_order=True).agg(
            *(pl.col(name).first() for name in others), pl.col("_row"), pl.len().cast(pl.Int64).alias("fields")
        )
        rows = tuple(np.array(row, np.int64) for row in wells["_row"].to_list())
        names = [name for name in store.metadata.columns if name not in _OF_FIELDS]
        return cls(wells.select(*names, "fields"), rows)

    def taken(self, chosen: np.ndarray) -> Wells:
        """Some of the wells, in this order."""
        return Wells(self.table[chosen], tuple(self.rows[well] for well in chosen))

    def means(self, values: np.ndarray) -> np.ndarray:
        """(wells, d) float32 from (fields of the store, d)."""
        return np.stack([values[rows].mean(axis=0) for rows in self.rows]).astype(np.float32)
