"""The image store: fields of plate images in compressed tiles, with one row of metadata a field.

Every field is cut into square tiles of one size (the last ones padded with zeros), channel after channel, row after row of
tiles; the tiles are the rows of a chunked columnar store. So a crop decodes the tiles it touches and nothing else, and
fields of different sizes share a store. 16-bit pixels lie as two planes of bytes, which compress better than pairs.

`sites.parquet` beside the shards has one row a field: `first_tile`, `height`, `width`, and the columns of `images.reading.metadata`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.hashing import file_sha256
from hooke.core.store import Column, Schema, Store, StoreWriter
from hooke.core.store.opened import OpenedStore

SITES, REJECTED, FILES = "sites.parquet", "rejected.parquet", "files.parquet"
SHARD_BYTES = 1 << 29
DEFAULT_TILE = 128
_TILES = "tile"


class ImageStore(OpenedStore):
    """A finished image store, opened for reading; opening reads the table of fields and nothing else.

    Its description tells source, channels, dtype, tile, counts, and whether the images are simulated.
    """

    kind = items = "images"

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._sites = pl.read_parquet(store.file(SITES))
        columns = self._sites.select("first_tile", "height", "width").to_numpy().astype(np.int64)
        self._first_tile, self._sizes = columns[:, 0], columns[:, 1:]

    def __len__(self) -> int:
        """Number of fields."""
        return len(self._sites)

    def __repr__(self) -> str:
        return f"ImageStore({str(self.folder)!r}: {len(self):,} fields of {', '.join(self.channels)})"

    @property
    def channels(self) -> tuple[str, ...]:
        """Channel names, in stored order."""
        return tuple(self.store.metadata["channels"])

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16."""
        return np.dtype(self.store.metadata["dtype"])

    @property
    def sizes(self) -> np.ndarray:
        """(fields, 2) int64: height and width in pixels."""
        return self._sizes

    @property
    def metadata(self) -> pl.DataFrame:
        """One row a field: experiment, plate, well, site, perturbation, ...; see `images.reading.metadata`."""
        return self._sites.drop("first_tile")

    @property
    def left_out(self) -> str:
        """What was left out, in a line for people; "" when nothing was."""
        return f"left out for {self.refused:,} problems: {self.folder / REJECTED}" if self.refused else ""

    @property
    def batches(self) -> tuple[str, ...]:
        """The names of the experimental batches, sorted; `batch_index` counts in this order."""
        return tuple(sorted(self._sites["batch"].unique().to_list()))

    @property
    def batch_index(self) -> np.ndarray:
        """(fields,) int64: the experimental batch of each field."""
        return self.classes("batch")[0]

    @property
    def control(self) -> np.ndarray:
        """(fields,) bool: fields of negative-control wells."""
        return self._sites["control"].fill_null("").to_numpy() == "negative"

    def classes(self, column: str) -> tuple[np.ndarray, tuple[str, ...]]:
        """A column of names as numbers.

        Returns:
            codes: (fields,) int64, -1 where nothing is known.
            names: Sorted; code i is names[i].

        Raises:
            UnknownNameError: No such column.
        """
        if column not in self._sites.columns:
            raise UnknownNameError("metadata column", column, self._sites.columns)
        values = self._sites[column].cast(pl.String)
        names = sorted(values.drop_nulls().unique().to_list())
        code = dict(zip(names, range(len(names)), strict=True))
        return np.array([code.get(value, -1) for value in values.to_list()], dtype=np.int64), tuple(names)

    def channel_numbers(self, channels: Sequence[str] | None) -> np.ndarray:
        """The stored positions of channels; None takes all.

        Raises:
            UnknownNameError: A channel that the store does not have.
        """
        for name in channels or ():
            if name not in self.channels:
                raise UnknownNameError("channel", name, self.channels)
        wanted = self.channels if channels is None else tuple(channels)
        return np.array([self.channels.index(name) for name in wanted], dtype=np.int64)

    def read(self, rows: Sequence[int] | np.ndarray, channels: Sequence[str] | None = None) -> np.ndarray:
        """Whole fields.

        Args:
            rows: Which fields.
            channels: Which channels in which order; None takes all.

        Returns:
            (fields, C, H, W) uint8 or uint16.

        Raises:
            DataError: The fields have different sizes.
        """
        rows = np.asarray(rows, dtype=np.int64)
        sizes = np.unique(self._sizes[rows], axis=0)
        if len(sizes) > 1:
            raise DataError(f"the fields have {len(sizes)} different sizes; read crops of one size instead")
        size = (int(sizes[0, 0]), int(sizes[0, 1])) if len(sizes) else (0, 0)
        return self.read_crops(rows, np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int64), size, channels)

    def read_crops(
        self,
        rows: Sequence[int] | np.ndarray,
        top: np.ndarray,
        left: np.ndarray,
        size: tuple[int, int],
        channels: Sequence[str] | None = None,
    ) -> np.ndarray:
        """Crops of one size, one a row; only the tiles they touch are decoded.

        Args:
            rows: (n,) fields; one may come several times.
            top, left: (n,) first pixel row and column of each crop.
            size: Height and width of all crops.
            channels: Which channels in which order; None takes all.

        Returns:
            (n, C, height, width) uint8 or uint16.

        Raises:
            DataError: A crop reaches beyond its field.
        """
        rows, top, left = (np.asarray(values, dtype=np.int64) for values in (rows, top, left))
        numbers = self.channel_numbers(channels)
        out = np.zeros((len(rows), len(numbers), *size), self.dtype)
        if not out.size:
            return out
        ends = np.stack([top + size[0], left + size[1]], axis=1)
        outside = (np.minimum(top, left) < 0) | (ends > self._sizes[rows]).any(axis=1)
        if outside.any():
            first = int(np.flatnonzero(outside)[0])
            height, width = self._sizes[rows[first]]
            raise DataError(
                f"a crop of {size[0]} x {size[1]} at {top[first]}, {left[first]} reaches beyond field {rows[first]}, "
                f"which has {height} x {width} pixels"
            )
        tile = int(self.store.metadata["tile"])
        wanted = [
            _touched(self._first_tile[row], self._sizes[row], numbers, (y, x), end, tile)
            for row, y, x, end in zip(rows, top, left, ends, strict=True)
        ]
        found = _joined_bytes(
            self.store.row_column(_TILES, np.concatenate([ids.ravel() for ids in wanted])), self.dtype
        )
        start = 0
        for crop, ids, y, x in zip(out, wanted, top % tile, left % tile, strict=True):
            tiles = found[start : start + ids.size].reshape(*ids.shape, tile, tile)
            start += ids.size
            whole = tiles.swapaxes(2, 3).reshape(len(numbers), ids.shape[1] * tile, ids.shape[2] * tile)
            crop[:] = whole[:, y : y + size[0], x : x + size[1]]
        return out


class ImageStoreWriter:
    """Writes fields into a store in parts, each a generation of its own, so that a killed writer goes on.

    Args:
        folder: The store; with an existing one, fields are added after those of the newest generation.
        channels: Channel names.
        dtype: "uint8" or "uint16".
        tile: Side of the tiles in pixels.
        metadata: Anything JSON.
    """

    def __init__(
        self, folder: Path, channels: Sequence[str], dtype: str, tile: int, metadata: Mapping[str, Any] | None = None
    ) -> None:
        self.channels, self.dtype, self.tile = tuple(channels), np.dtype(dtype), tile
        schema = Schema((Column(_TILES, "row", "uint8", (self.dtype.itemsize, tile, tile)),))
        fixed = {"kind": "images", "channels": list(channels), "dtype": self.dtype.name, "tile": tile}
        append = any(folder.glob("manifest-*.json"))
        shard = max(1, SHARD_BYTES // schema[_TILES].item_bytes)
        self._writer = StoreWriter(
            folder, schema, codec="chunked", shard_rows=shard, metadata={**(metadata or {}), **fixed}, append=append
        )
        self.tiles = int(self._writer.metadata.get("tiles", 0))

    def append(self, pixels: np.ndarray) -> int:
        """Add a field (C, H, W); returns the number of its first tile."""
        if pixels.shape[0] != len(self.channels) or pixels.dtype != self.dtype:
            raise ValueError(
                f"a field must be {self.dtype} ({len(self.channels)}, H, W), got {pixels.dtype} {pixels.shape}"
            )
        first = self.tiles
        tiles = _split_bytes(_cut(pixels, self.tile))
        self._writer.append(len(tiles), {_TILES: tiles}, {})
        self.tiles += len(tiles)
        return first

    def add_file(self, name: str) -> None:
        """List a file that was written into the store's folder."""
        self._writer.add_file(name)

    def close(self, metadata: Mapping[str, Any]) -> None:
        """Finish this generation."""
        self._writer.metadata |= {**metadata, "tiles": self.tiles}
        self._writer.close()


def tile_grid(height: int, width: int, tile: int) -> tuple[int, int]:
    """Rows and columns of tiles that cover a field."""
    return -(-height // tile), -(-width // tile)


def sites_hash(folder: Path) -> str:
    """SHA-256 of the table of fields of a store."""
    return file_sha256(folder / SITES)


def _touched(
    first: int, size: np.ndarray, channels: np.ndarray, start: tuple[int, int], end: np.ndarray, tile: int
) -> np.ndarray:
    """(C, rows of tiles, columns of tiles): the numbers of the tiles that a crop touches."""
    down, across = tile_grid(int(size[0]), int(size[1]), tile)
    rows = np.arange(start[0] // tile, (end[0] - 1) // tile + 1)
    columns = np.arange(start[1] // tile, (end[1] - 1) // tile + 1)
    return first + (channels[:, None, None] * down + rows[:, None]) * across + columns


def _cut(pixels: np.ndarray, tile: int) -> np.ndarray:
    """(C, H, W) as (C * rows * columns, tile, tile), padded with zeros."""
    channels, height, width = pixels.shape
    down, across = tile_grid(height, width, tile)
    padded = np.zeros((channels, down * tile, across * tile), pixels.dtype)
    padded[:, :height, :width] = pixels
    return padded.reshape(channels, down, tile, across, tile).swapaxes(2, 3).reshape(-1, tile, tile)


def _split_bytes(tiles: np.ndarray) -> np.ndarray:
    """(n, T, T) as (n, bytes, T, T) uint8, the low bytes first."""
    shifts = 8 * np.arange(tiles.dtype.itemsize, dtype=tiles.dtype)[:, None, None]
    return (tiles[:, None] >> shifts).astype(np.uint8)


def _joined_bytes(data: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    if dtype.itemsize == 1:
        return data[:, 0]
    return data[:, 0] | (data[:, 1].astype(dtype) << 8)
