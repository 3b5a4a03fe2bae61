"""The wells of a store: their fields, what is known about them, and means over fields; shapes of plates. No torch."""

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


PLATE_SHAPES = {6: (2, 3), 12: (3, 4), 24: (4, 6), 48: (6, 8), 96: (8, 12), 384: (16, 24), 1536: (32, 48)}


def plate_shape(rows: int, columns: int) -> tuple[int, int]:
    """Rows and columns of the smallest usual plate that has the given last row and last column."""
    for shape in PLATE_SHAPES.values():
        if rows <= shape[0] and columns <= shape[1]:
            return shape
    return rows, columns


def distance_to_edge(row: int, column: int, shape: tuple[int, int]) -> int:
    """Wells between a well and the nearest edge of its plate; 0 on the edge itself."""
    return min(row - 1, column - 1, shape[0] - row, shape[1] - column)
