"""How a column's bytes lie on disk: `plain` is memory-mapped as it is, `chunked` is zstd-compressed in chunks.

A chunked file is a run of compressed frames followed by an index (int64 frame offsets, then the number of frames and
the items a frame) so that any item is found by decoding one frame.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pyarrow as pa

from hooke.core.errors import DataError
from hooke.core.store.schema import Column

CHUNK_BYTES = 1 << 16
CACHED_CHUNKS = 64
_ZSTD = pa.Codec("zstd", compression_level=3)


def encode(values: np.ndarray, codec: str) -> bytes:
    """The file content of a column's values, (items, *shape)."""
    data = np.ascontiguousarray(values)
    if codec == "plain":
        return data.tobytes()
    per_item = max(1, data.nbytes // max(1, len(data)))
    chunk_items = max(1, CHUNK_BYTES // per_item)
    frames = [
        _ZSTD.compress(data[start : start + chunk_items].tobytes(), asbytes=True) for start in range(0, len(data), chunk_items)
    ]
    ends = np.cumsum([0, *(len(frame) for frame in frames)], dtype=np.int64)
    return b"".join(frames) + ends.tobytes() + np.array([len(frames), chunk_items], dtype=np.int64).tobytes()


class PlainFile:
    """A memory-mapped column file."""

    def __init__(self, path: Path, column: Column, items: int) -> None:
        expected = items * column.item_bytes
        actual = path.stat().st_size if path.exists() else -1
        if actual != expected:
            raise DataError(f"{path} has {actual} bytes, expected {expected}: the store is damaged (`hooke data check`)")
        if items and column.item_bytes:
            self._data = np.memmap(path, dtype=column.dtype, mode="r", shape=(items, *column.shape))
        else:
            self._data = np.zeros((items, *column.shape), dtype=column.dtype)  # type: ignore[assignment]

    def take(self, index: np.ndarray) -> np.ndarray:
        """Items at the given positions, copied."""
        return self._data[index]

    def slice(self, start: int, stop: int) -> np.ndarray:
        """A run of items, as a view of the mapped file."""
        return self._data[start:stop]


class ChunkedFile:
    """A compressed column file with a small cache of decoded chunks."""

    def __init__(self, path: Path, column: Column, items: int) -> None:
        self._column, self._items = column, items
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()
        self._raw = np.memmap(path, dtype=np.uint8, mode="r")
        frames, self._chunk_items = (int(number) for number in self._raw[-16:].view(np.int64))
        index = self._raw[-16 - 8 * (frames + 1) : -16]
        if self._chunk_items < 1 or len(index) != 8 * (frames + 1) or frames * self._chunk_items < items:
            raise DataError(f"{path} is truncated: the store is damaged (`hooke data check`)")
        self._ends = index.view(np.int64)

    def take(self, index: np.ndarray) -> np.ndarray:
        """Items at the given positions."""
        chunk_of = index // self._chunk_items
        out = np.empty((len(index), *self._column.shape), dtype=self._column.dtype)
        for chunk in np.unique(chunk_of):
            here = chunk_of == chunk
            out[here] = self._chunk(int(chunk))[index[here] - chunk * self._chunk_items]
        return out

    def slice(self, start: int, stop: int) -> np.ndarray:
        """A run of items."""
        return self.take(np.arange(start, stop, dtype=np.int64))

    def _chunk(self, chunk: int) -> np.ndarray:
        if chunk in self._cache:
            self._cache.move_to_end(chunk)
            return self._cache[chunk]
        items = min(self._chunk_items, self._items - chunk * self._chunk_items)
        frame = self._raw[self._ends[chunk] : self._ends[chunk + 1]].tobytes()
        try:
            data = _ZSTD.decompress(frame, decompressed_size=int(items) * self._column.item_bytes, asbytes=True)
        except OSError as error:
            raise DataError(f"a compressed chunk of {self._column.name!r} does not decode: {error}") from error
        values = np.frombuffer(data, dtype=self._column.dtype).reshape(items, *self._column.shape)
        self._cache[chunk] = values
        if len(self._cache) > CACHED_CHUNKS:
            self._cache.popitem(last=False)
        return values


def open_file(path: Path, column: Column, items: int, codec: str) -> PlainFile | ChunkedFile:
    """Open one column file for reading."""
    return PlainFile(path, column, items) if codec == "plain" else ChunkedFile(path, column, items)
