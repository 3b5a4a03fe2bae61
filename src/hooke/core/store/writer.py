"""Writing a store: rows are appended in blocks, cut into shards of equal size; the manifest comes last."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError, UsageError
from hooke.core.store.codecs import encode
from hooke.core.store.schema import CODECS, ROW_AXIS, Column, Manifest, Schema, Shard, StoredFile, newest_manifest

OFFSETS_SUFFIX = ".offsets.bin"


class StoreWriter:
    """Writes one generation of a store.

    A writer that dies leaves shards that no manifest names; the next writer of the folder removes them. With
    `append=True` the rows come after those of the newest generation, and a new generation names both.

    Args:
        folder: The store; created.
        schema: Its columns.
        codec: "plain" (memory-mapped) or "chunked" (compressed).
        shard_rows: Rows of a full shard.
        metadata: Anything JSON, kept in the manifest.
        append: Add to an existing store of the same schema and codec.
    """

    def __init__(
        self,
        folder: Path,
        schema: Schema,
        *,
        codec: str = "plain",
        shard_rows: int = 1 << 20,
        metadata: Mapping[str, Any] | None = None,
        append: bool = False,
    ) -> None:
        if codec not in CODECS:
            raise UsageError(f"codec must be one of {CODECS}, got {codec!r}")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.schema, self.codec, self.shard_rows = folder, schema, codec, shard_rows
        self.metadata = dict(metadata or {})
        self._shards: list[Shard] = []
        self._generation = 1
        finished = any(folder.glob("manifest-*.json"))
        if append:
            old = newest_manifest(folder)
            if old.schema != schema or old.codec != codec:
                raise DataError(f"{folder} has another schema or codec; rows can only be appended to an equal one")
            self._shards, self._generation = list(old.shards), old.generation + 1
            self.metadata = {**old.metadata, **self.metadata}
        elif finished:
            raise UsageError(f"{folder} already holds a store; append to it or choose another folder")
        self._remove_orphans()
        self._blocks: list[tuple[int, dict[str, np.ndarray], dict[str, np.ndarray]]] = []
        self._pending = 0

    def append(self, rows: int, values: Mapping[str, np.ndarray], offsets: Mapping[str, np.ndarray]) -> None:
        """Add `rows` rows: every column's values, and for each ragged axis its (rows + 1,) offsets starting at 0."""
        counts = {ROW_AXIS: rows}
        for axis in self.schema.ragged_axes:
            if len(offsets[axis]) != rows + 1 or offsets[axis][0] != 0:
                raise ValueError(f"offsets of axis {axis!r} must be ({rows + 1},) and start at 0")
            counts[axis] = int(offsets[axis][-1])
        block = {}
        for column in self.schema.columns:
            array = np.asarray(values[column.name])
            if array.shape != (counts[column.axis], *column.shape) or array.dtype != np.dtype(column.dtype):
                raise ValueError(
                    f"column {column.name!r} must be {column.dtype} {(counts[column.axis], *column.shape)}, "
                    f"got {array.dtype} {array.shape}"
                )
            block[column.name] = array
        self._blocks.append((rows, block, {axis: np.asarray(offsets[axis], dtype=np.int64) for axis in self.schema.ragged_axes}))
        self._pending += rows
        while self._pending >= self.shard_rows:
            self._write_shard(self.shard_rows)

    def close(self) -> Manifest:
        """Write the last shard and then the manifest; only now does the store exist."""
        if self._pending:
            self._write_shard(self._pending)
        manifest = Manifest(self.schema, self.codec, tuple(self._shards), self.metadata, self._generation)
        manifest.write(self.folder)
        return manifest

    def _remove_orphans(self) -> None:
        known = {shard.name for shard in self._shards}
        for path in self.folder.glob("shard-*"):
            if path.name not in known:
                shutil.rmtree(path)

    def _write_shard(self, rows: int) -> None:
        values, offsets = self._cut(rows)
        name = f"shard-{len(self._shards):06d}"
        folder = self.folder / name
        folder.mkdir()
        files = []
        for column in self.schema.columns:
            files.append(_write(folder / f"{column.name}.bin", encode(values[column.name], self.codec)))
        for axis in self.schema.ragged_axes:
            files.append(_write(folder / f"{axis}{OFFSETS_SUFFIX}", offsets[axis].tobytes()))
        items = {axis: int(offsets[axis][-1]) for axis in self.schema.ragged_axes}
        self._shards.append(Shard(name, rows, items, tuple(files)))

    def _cut(self, rows: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Take the first `rows` pending rows, splitting a block where needed."""
        taken = []
        missing = rows
        while missing:
            count, values, offsets = self._blocks.pop(0)
            if count > missing:
                head, tail = _split_block(self.schema, count, missing, values, offsets)
                self._blocks.insert(0, tail)
                count, values, offsets = head
            taken.append((count, values, offsets))
            missing -= count
        self._pending -= rows
        joined = {
            column.name: np.concatenate([values[column.name] for _, values, _ in taken]) for column in self.schema.columns
        }
        return joined, {axis: _join_offsets([offsets[axis] for _, _, offsets in taken]) for axis in self.schema.ragged_axes}


def _split_block(
    schema: Schema, count: int, at: int, values: dict[str, np.ndarray], offsets: dict[str, np.ndarray]
) -> tuple[Any, Any]:
    def cut(column: Column) -> int:
        return at if column.axis == ROW_AXIS else int(offsets[column.axis][at])

    head = {column.name: values[column.name][: cut(column)] for column in schema.columns}
    tail = {column.name: values[column.name][cut(column) :] for column in schema.columns}
    head_offsets = {axis: array[: at + 1] for axis, array in offsets.items()}
    tail_offsets = {axis: array[at:] - array[at] for axis, array in offsets.items()}
    return (at, head, head_offsets), (count - at, tail, tail_offsets)


def _join_offsets(parts: list[np.ndarray]) -> np.ndarray:
    lengths = np.concatenate([np.diff(part) for part in parts])
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _write(path: Path, data: bytes) -> StoredFile:
    try:
        with open(path, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise DataError(f"the disk of {path.parent} is full; free some space and run the same command again") from error
        raise
    return StoredFile(path.name, len(data), hashlib.sha256(data).hexdigest())
