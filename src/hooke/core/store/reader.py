"""Reading a store: random rows of any column as a handful of vectorised slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DamagedError, DataError
from hooke.core.hashing import file_sha256
from hooke.core.reading import reading
from hooke.core.store.codecs import ChunkedFile, PlainFile, open_file
from hooke.core.store.schema import ROW_AXIS, Column, Manifest, Schema, Shard, newest_manifest
from hooke.core.store.writer import OFFSETS_SUFFIX


class Store:
    """A finished store, opened for reading. Opening maps files; nothing but offsets in use is ever resident."""

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest
        self._shards = [_OpenShard(folder, shard, manifest) for shard in manifest.shards]
        self._starts = np.concatenate([[0], np.cumsum([shard.rows for shard in manifest.shards], dtype=np.int64)])

    @classmethod
    def open(cls, folder: Path) -> Store:
        """Open the newest generation.

        Raises:
            DataError: No finished store, a file of the wrong size, or a format newer than this Hooke.
        """
        with reading(folder, "a store"):
            folder = Path(folder)
            return cls(folder, newest_manifest(folder))

    def file(self, name: str) -> Path:
        """A file that lies beside the shards, compared with its checksum.

        Raises:
            DamagedError: Some byte differs.
        """
        path = self.folder / name
        stated = next((file.sha256 for file in self.manifest.files if file.name == name), None)
        if stated is not None and file_sha256(path) != stated:
            raise DamagedError(path)
        return path

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self._starts[-1])

    @property
    def schema(self) -> Schema:
        """The columns."""
        return self.manifest.schema

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What the writer kept."""
        return self.manifest.metadata

    @property
    def content_hash(self) -> str:
        """Hash of everything in the store."""
        return self.manifest.content_hash

    def row_column(self, name: str, rows: np.ndarray | None = None) -> np.ndarray:
        """A column of the axis "row": (rows, *shape)."""
        column = self.schema[name]
        if column.axis != ROW_AXIS:
            raise ValueError(f"column {name!r} lies on axis {column.axis!r}; use gather")
        if rows is None:
            parts = [shard.files[name].slice(0, shard.rows) for shard in self._shards]
            return np.concatenate(parts) if parts else np.zeros((0, *column.shape), column.dtype)
        out = np.empty((len(rows), *column.shape), column.dtype)
        for shard, local, where in self._by_shard(rows):
            out[where] = shard.files[name].take(local)
        return out

    def axis_counts(self, axis: str, rows: np.ndarray | None = None) -> np.ndarray:
        """(rows,) int64: the items each row has on a ragged axis."""
        if rows is None:
            parts = [np.diff(shard.offsets[axis].slice(0, shard.rows + 1)) for shard in self._shards]
            return np.concatenate(parts) if parts else np.zeros(0, np.int64)
        out = np.empty(len(rows), np.int64)
        for shard, local, where in self._by_shard(rows):
            out[where] = shard.offsets[axis].take(local + 1) - shard.offsets[axis].take(local)
        return out

    def gather(self, axis: str, rows: np.ndarray, columns: Sequence[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The items of the given rows on one ragged axis, in the order of `rows`.

        Returns:
            offsets: (rows + 1,) int64 into the values.
            values: column name -> (items, *shape).
        """
        parts = self._by_shard(rows)
        if len(parts) == 1:
            return parts[0][0].gather(axis, parts[0][1], columns)
        offsets = np.concatenate([[0], np.cumsum(self.axis_counts(axis, rows))]).astype(np.int64)
        values = {
            name: np.empty((int(offsets[-1]), *self.schema[name].shape), self.schema[name].dtype) for name in columns
        }
        for shard, local, where in parts:
            _, found = shard.gather(axis, local, columns)
            positions = ragged_index(offsets[:-1][where], offsets[1:][where] - offsets[:-1][where])
            for name in columns:
                values[name][positions] = found[name]
        return offsets, values

    def _by_shard(self, rows: np.ndarray) -> list[tuple[_OpenShard, np.ndarray, np.ndarray | slice]]:
        rows = np.asarray(rows, dtype=np.int64)
        if len(rows) and (rows.min() < 0 or rows.max() >= self.rows):
            raise IndexError(f"rows must lie in [0, {self.rows})")
        if len(self._shards) == 1:
            return [(self._shards[0], rows, slice(None))]
        shard_of = np.searchsorted(self._starts, rows, side="right") - 1
        found: list[tuple[_OpenShard, np.ndarray, np.ndarray | slice]] = []
        for number in np.unique(shard_of):
            where = np.flatnonzero(shard_of == number)
            found.append((self._shards[number], rows[where] - self._starts[number], where))
        return found


class _OpenShard:
    def __init__(self, folder: Path, shard: Shard, manifest: Manifest) -> None:
        self.rows = shard.rows
        self._path = path = folder / shard.name
        self._items = shard.items
        counts = {ROW_AXIS: shard.rows, **shard.items}
        stored = {file.name: file for file in shard.files}

        def opened(name: str, column: Column, codec: str, items: int) -> PlainFile | ChunkedFile:
            return open_file(path / name, column, items, codec, stored.get(name))

        self.files = {
            column.name: opened(f"{column.name}.bin", column, manifest.codec, counts[column.axis])
            for column in manifest.schema.columns
        }
        self.offsets = {
            axis: opened(f"{axis}{OFFSETS_SUFFIX}", Column(axis, axis, "int64"), "plain", shard.rows + 1)
            for axis in manifest.schema.ragged_axes
        }

    def gather(self, axis: str, rows: np.ndarray, columns: Sequence[str]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        starts = self.offsets[axis].take(rows)
        stops = self.offsets[axis].take(rows + 1)
        lengths = stops - starts
        if len(rows) and (starts.min() < 0 or lengths.min() < 0 or stops.max() > self._items[axis]):
            raise DataError(f"{self._path} is damaged: its offsets of {axis!r} are impossible (`hooke data check`)")
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        if len(rows) and (rows[1:] - rows[:-1] == 1).all():  # consecutive rows: one slice
            begin, end = int(starts[0]), int(stops[-1])
            return offsets, {name: self.files[name].slice(begin, end) for name in columns}
        index = ragged_index(starts, lengths)
        return offsets, {name: self.files[name].take(index) for name in columns}


def ragged_index(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Positions of all items of the runs start .. start + length, one after the other; int64."""
    total = int(lengths.sum())
    ends = np.cumsum(lengths)
    return np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - lengths), lengths)
