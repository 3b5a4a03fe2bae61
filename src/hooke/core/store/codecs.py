"""How a column's bytes lie on disk: `plain` is memory-mapped as it is, `chunked` is zstd-compressed in chunks.

A chunked file is a run of compressed frames followed by an index (int64 frame offsets, then the number of frames and
the items a frame) so that any item is found by decoding one frame.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pyarrow as pa

from hooke.core.errors import DataError
from hooke.core.store.crc import Checked
from hooke.core.store.schema import Column, StoredFile

CHUNK_BYTES = 1 << 16
CACHED_CHUNKS = 64
_ZSTD = pa.Codec("zstd", compression_level=3)


class PlainEncoder:
    """Values as they are."""

    def feed(self, values: np.ndarray) -> bytes:
        """The bytes of some more items."""
        return np.ascontiguousarray(values).tobytes()

    def finish(self) -> bytes:
        """What ends the file."""
        return b""


class ChunkedEncoder:
    """Values in compressed frames of equal item counts, whatever blocks they come in."""

    def __init__(self, column: Column) -> None:
        self._chunk_items = max(1, CHUNK_BYTES // column.item_bytes)
        self._chunk_bytes = self._chunk_items * column.item_bytes
        self._waiting = b""
        self._ends = [0]

    def feed(self, values: np.ndarray) -> bytes:
        """The frames that some more items complete."""
        data = self._waiting + np.ascontiguousarray(values).tobytes()
        whole = len(data) - len(data) % self._chunk_bytes
        self._waiting = data[whole:]
        return b"".join(
            self._frame(data[start : start + self._chunk_bytes]) for start in range(0, whole, self._chunk_bytes)
        )

    def finish(self) -> bytes:
        """The last frame and the index."""
        last = self._frame(self._waiting) if self._waiting else b""
        index = np.array([*self._ends, len(self._ends) - 1, self._chunk_items], dtype=np.int64)
        return last + index.tobytes()

    def _frame(self, data: bytes) -> bytes:
        frame = _ZSTD.compress(data, asbytes=True)
        self._ends.append(self._ends[-1] + len(frame))
        return frame


def encoder(column: Column, codec: str) -> PlainEncoder | ChunkedEncoder:
    """What turns a column's values into the bytes of its file."""
    return PlainEncoder() if codec == "plain" else ChunkedEncoder(column)


class PlainFile:
    """A memory-mapped column file."""

    def __init__(self, path: Path, column: Column, items: int, stored: StoredFile | None = None) -> None:
        expected = items * column.item_bytes
        actual = path.stat().st_size if path.exists() else -1
        if actual != expected:
            raise DataError(
                f"{path} has {actual} bytes, expected {expected}: the store is damaged (`hooke data check`)"
            )
        shape = (items, *column.shape)
        # as a plain array: indexing a memmap object costs much more
        raw = np.asarray(np.memmap(path, np.uint8, "r")) if expected else np.zeros(0, np.uint8)
        self._data, self._item_bytes = raw.view(column.dtype).reshape(shape), column.item_bytes
        self._checked = Checked(path, raw, stored)

    def take(self, index: np.ndarray) -> np.ndarray:
        """Items at the given positions, copied."""
        if not self._checked.sound:
            self._checked.items(index, self._item_bytes)
        return self._data.take(index, axis=0)  # ten times faster than indexing

    def slice(self, start: int, stop: int) -> np.ndarray:
        """A run of items, as a view of the mapped file."""
        self._checked.span(start * self._item_bytes, stop * self._item_bytes)
        return self._data[start:stop]


class ChunkedFile:
    """A compressed column file with a small cache of decoded chunks; safe to read from several threads."""

    def __init__(self, path: Path, column: Column, items: int, stored: StoredFile | None = None) -> None:
        self._column, self._items, self._path = column, items, path
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()
        if not path.exists() or path.stat().st_size < 24:
            raise DataError(f"{path} is missing or truncated: the store is damaged (`hooke data check`)")
        self._raw = np.asarray(np.memmap(path, np.uint8, "r"))
        if stored is not None and stored.bytes != len(self._raw):
            raise DataError(
                f"{path} has {len(self._raw)} bytes, expected {stored.bytes}: the store is damaged (`hooke data check`)"
            )
        self._checked = Checked(path, self._raw, stored)
        self._checked.span(len(self._raw) - 16, len(self._raw))
        frames, self._chunk_items = (int(number) for number in np.frombuffer(self._raw[-16:].tobytes(), np.int64))
        index = self._raw[-16 - 8 * (frames + 1) : -16] if 0 <= frames < len(self._raw) else self._raw[:0]
        if self._chunk_items < 1 or len(index) != 8 * (frames + 1) or frames * self._chunk_items < items:
            raise DataError(f"{path} is truncated: the store is damaged (`hooke data check`)")
        self._checked.span(len(self._raw) - 16 - len(index), len(self._raw))
        self._ends = np.frombuffer(index.tobytes(), np.int64)

    def take(self, index: np.ndarray) -> np.ndarray:
        """Items at the given positions."""
        out = np.empty((len(index), *self._column.shape), dtype=self._column.dtype)
        if not len(index):
            return out
        chunk_of = index // self._chunk_items
        order = np.argsort(chunk_of, kind="stable")
        chunks, starts = np.unique(chunk_of[order], return_index=True)
        for chunk, here in zip(chunks, np.split(order, starts[1:]), strict=True):
            out[here] = self._chunk(int(chunk)).take(index[here] - chunk * self._chunk_items, axis=0)
        return out

    def slice(self, start: int, stop: int) -> np.ndarray:
        """A run of items."""
        return self.take(np.arange(start, stop, dtype=np.int64))

    def _chunk(self, chunk: int) -> np.ndarray:
        with self._lock:
            if chunk in self._cache:
                self._cache.move_to_end(chunk)
                return self._cache[chunk]
        items = min(self._chunk_items, self._items - chunk * self._chunk_items)
        self._checked.span(int(self._ends[chunk]), int(self._ends[chunk + 1]))
        frame = self._raw[self._ends[chunk] : self._ends[chunk + 1]].tobytes()
        try:
            data = _ZSTD.decompress(frame, decompressed_size=items * self._column.item_bytes, asbytes=True)
        except OSError as error:
            raise DataError(
                f"{self._path} is damaged: a compressed chunk does not decode (`hooke data check`)"
            ) from error
        values = np.frombuffer(data, dtype=self._column.dtype).reshape(items, *self._column.shape)
        with self._lock:
            self._cache[chunk] = values
            if len(self._cache) > CACHED_CHUNKS:
                self._cache.popitem(last=False)
        return values


def open_file(
    path: Path, column: Column, items: int, codec: str, stored: StoredFile | None = None
) -> PlainFile | ChunkedFile:
    """Open one column file for reading; what is read is compared with what the manifest says of the file."""
    return PlainFile(path, column, items, stored) if codec == "plain" else ChunkedFile(path, column, items, stored)
