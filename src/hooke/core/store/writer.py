"""Writing a store: rows are appended in blocks and go straight to the files of a shard; the manifest comes last."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError, UsageError
from hooke.core.files import appending, disk_full_explained, remove_folder, settle
from hooke.core.hashing import file_sha256
from hooke.core.store.codecs import encoder
from hooke.core.store.crc import SegmentSums
from hooke.core.store.schema import (
    CODECS,
    ROW_AXIS,
    Column,
    Manifest,
    Schema,
    Shard,
    StoredFile,
    manifests,
    newest_manifest,
)

SHARD_ROWS = 1 << 20
OFFSETS_SUFFIX = ".offsets.bin"
_BUFFER_BYTES = 1 << 20


class StoreWriter:
    """Writes one generation of a store, holding at most a megabyte a column in memory.

    A writer that dies leaves a shard that no manifest names; the next writer of the folder removes it. With `append=True`
    the rows come after those of the newest generation, and a new generation names both. One writer at a time: callers
    that may run twice hold a lock (`core.files.exclusive`).

    Args:
        folder: The store; created.
        schema: Its columns.
        codec: "plain" (memory-mapped) or "chunked" (compressed).
        shard_rows: Rows of a full shard.
        metadata: Anything JSON, kept in the manifest.
        append: Add to an existing store of the same schema and codec.

    Raises:
        UsageError: An unknown codec, or the folder holds a store already and `append` is False.
        DataError: `append`, and the store there has another schema or codec.
    """

    def __init__(
        self,
        folder: Path,
        schema: Schema,
        *,
        codec: str = "plain",
        shard_rows: int = SHARD_ROWS,
        metadata: Mapping[str, Any] | None = None,
        append: bool = False,
    ) -> None:
        if codec not in CODECS:
            raise UsageError(f"codec must be one of {CODECS}, got {codec!r}")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.schema, self.codec, self.shard_rows = folder, schema, codec, shard_rows
        self.metadata = dict(metadata or {})
        self._shards: list[Shard] = []
        self._files: dict[str, StoredFile] = {}
        self._generation = 1
        self._open: _OpenShard | None = None
        if append:
            old = newest_manifest(folder)
            if old.schema != schema or old.codec != codec:
                raise DataError(f"{folder} has another schema or codec; rows can only be appended to an equal one")
            self._shards, self._generation = list(old.shards), old.generation + 1
            self._files = {file.name: file for file in old.files}
            self.metadata = {**old.metadata, **self.metadata}
        elif manifests(folder):
            raise UsageError(f"{folder} already holds a store; append to it or choose another folder")
        known = {shard.name for shard in self._shards}
        for path in folder.glob("shard-*"):
            if path.name not in known:
                remove_folder(path)

    def append(self, rows: int, values: Mapping[str, np.ndarray], offsets: Mapping[str, np.ndarray]) -> None:
        """Add `rows` rows: every column's values, and for each ragged axis its (rows + 1,) offsets starting at 0.

        Raises:
            ValueError: A column or offsets of the wrong shape or dtype; nothing was added.
            DataError: The disk is full.
        """
        ends = {ROW_AXIS: np.arange(rows + 1)}
        for axis in self.schema.ragged_axes:
            ends[axis] = np.asarray(offsets[axis], dtype=np.int64)
            if len(ends[axis]) != rows + 1 or ends[axis][0] != 0 or (np.diff(ends[axis]) < 0).any():
                raise ValueError(f"offsets of axis {axis!r} must be ({rows + 1},), start at 0 and never fall")
        arrays = {}
        for column in self.schema.columns:
            array = np.asarray(values[column.name])
            expected = (int(ends[column.axis][-1]), *column.shape)
            if array.shape != expected or array.dtype != np.dtype(column.dtype):
                raise ValueError(
                    f"column {column.name!r} must be {column.dtype} {expected}, got {array.dtype} {array.shape}"
                )
            arrays[column.name] = array
        with disk_full_explained(self.folder, "nothing half-written will be used"):
            start = 0
            while start < rows:
                if self._open is None:
                    self._open = _OpenShard(self.folder, f"shard-{len(self._shards):06d}", self.schema, self.codec)
                stop = min(rows, start + self.shard_rows - self._open.rows)
                self._open.append(start, stop, arrays, ends)
                start = stop
                if self._open.rows == self.shard_rows:
                    self._close_shard()

    def add_file(self, name: str) -> None:
        """List a file that was written into the store's folder: it belongs to the store and is checked with it."""
        path = self.folder / name
        self._files[name] = StoredFile(name, path.stat().st_size, file_sha256(path))

    def close(self) -> Manifest:
        """Finish the last shard and write the manifest; only now does the store exist."""
        with disk_full_explained(self.folder, "nothing half-written will be used"):
            self._close_shard()
            manifest = Manifest(
                self.schema,
                self.codec,
                tuple(self._shards),
                self.metadata,
                self._generation,
                tuple(self._files.values()),
            )
            manifest.write(self.folder)
        return manifest

    def _close_shard(self) -> None:
        if self._open is not None:
            self._shards.append(self._open.close())
            self._open = None


class _OpenShard:
    """The files of a shard that is being written."""

    def __init__(self, folder: Path, name: str, schema: Schema, codec: str) -> None:
        self.name, self.rows, self._schema = name, 0, schema
        path = folder / name
        path.mkdir()
        self._items = dict.fromkeys(schema.ragged_axes, 0)
        self._columns = {
            column.name: _ColumnFile(path / f"{column.name}.bin", column, codec) for column in schema.columns
        }
        self._offsets = {}
        for axis in schema.ragged_axes:
            self._offsets[axis] = _ColumnFile(path / f"{axis}{OFFSETS_SUFFIX}", Column(axis, axis, "int64"), "plain")
            self._offsets[axis].append(np.zeros(1, np.int64))

    def append(self, start: int, stop: int, arrays: Mapping[str, np.ndarray], ends: Mapping[str, np.ndarray]) -> None:
        """Add the rows start:stop of a block."""
        for column in self._schema.columns:
            first, last = ends[column.axis][start], ends[column.axis][stop]
            self._columns[column.name].append(arrays[column.name][first:last])
        for axis, file in self._offsets.items():
            new = ends[axis][start + 1 : stop + 1] - ends[axis][start] + self._items[axis]
            file.append(new)
            self._items[axis] = int(new[-1])
        self.rows += stop - start

    def close(self) -> Shard:
        """Bring everything to the disk."""
        files = tuple(file.close() for file in (*self._columns.values(), *self._offsets.values()))
        return Shard(self.name, self.rows, self._items, files)


class _ColumnFile:
    """One growing file; it is open only while a megabyte is written, so that a thousand columns need no thousand handles."""

    def __init__(self, path: Path, column: Column, codec: str) -> None:
        self._path, self._encoder = path, encoder(column, codec)
        self._waiting: list[bytes] = []
        self._waiting_bytes = self._bytes = 0
        self._hash, self._segments = hashlib.sha256(), SegmentSums()

    def append(self, values: np.ndarray) -> None:
        self._add(self._encoder.feed(values))
        if self._waiting_bytes >= _BUFFER_BYTES:
            self._flush()

    def close(self) -> StoredFile:
        self._add(self._encoder.finish())
        self._flush()
        settle(self._path)
        return StoredFile(self._path.name, self._bytes, self._hash.hexdigest(), self._segments.sums())

    def _add(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_bytes += len(data)

    def _flush(self) -> None:
        data = b"".join(self._waiting)
        with appending(self._path) as file:
            file.write(data)
        self._hash.update(data)
        self._segments.update(data)
        self._bytes += len(data)
        self._waiting, self._waiting_bytes = [], 0
