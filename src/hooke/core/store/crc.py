"""Checksums of stores as they are read: each mebibyte of a file is compared with its CRC-32 when something of it is first read.

So opening a store of many gigabytes reads nothing, an epoch compares all that it uses, once, and what was compared costs nothing any
more. Files of stores that were written without such checksums are compared as a whole, by SHA-256, as long as they are small.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np

from hooke.core.errors import DamagedError
from hooke.core.files import write_durably
from hooke.core.hashing import file_sha256
from hooke.core.store.schema import StoredFile

SEGMENT_BYTES = 1 << 20
SMALL_BYTES = 1 << 26  # of a file, or a store, that is compared as a whole: some 40 ms
MARK = "damaged"  # file in the folder of a store in which damage was met


class SegmentSums:
    """CRC-32 of each segment of a file that grows."""

    def __init__(self) -> None:
        self._ended: list[int] = []
        self._sum = self._filled = 0

    def update(self, data: bytes) -> None:
        """Some more bytes."""
        view = memoryview(data)
        while view:
            part = view[: SEGMENT_BYTES - self._filled]
            self._sum, self._filled = zlib.crc32(part, self._sum), self._filled + len(part)
            view = view[len(part) :]
            if self._filled == SEGMENT_BYTES:
                self._ended.append(self._sum)
                self._sum = self._filled = 0

    def sums(self) -> tuple[int, ...]:
        """Of the whole file."""
        return (*self._ended, self._sum) if self._filled else tuple(self._ended)


class Checked:
    """The bytes of a mapped file, compared with what the manifest says of them when they are first read.

    Args:
        path: The file.
        raw: (bytes,) uint8, mapped.
        stored: What the manifest says; None compares nothing.
    """

    def __init__(self, path: Path, raw: np.ndarray, stored: StoredFile | None) -> None:
        self._path, self._raw, self._sums = path, raw, np.zeros(0, np.int64)
        self.sound = stored is None or not len(raw)  # nothing is left to compare
        if self.sound or stored is None:
            return
        if stored.segments:
            self._sums = np.array(stored.segments, np.int64)
        elif stored.bytes > SMALL_BYTES:
            self.sound = True
        self._whole = stored.sha256
        self._known = np.zeros(len(self._sums), bool)

    def items(self, index: np.ndarray, item_bytes: int) -> None:
        """Compare what the items at these positions lie in.

        Raises:
            DamagedError: Some byte differs.
        """
        if not self.sound and len(index):
            first = index * item_bytes // SEGMENT_BYTES
            last = ((index + 1) * item_bytes - 1) // SEGMENT_BYTES
            self._compare(np.concatenate([first, last]) if item_bytes <= SEGMENT_BYTES else _between(first, last))

    def span(self, start: int, stop: int) -> None:
        """Compare a run of bytes.

        Raises:
            DamagedError: Some byte differs.
        """
        if not self.sound and stop > start:
            self._compare(np.arange(start // SEGMENT_BYTES, (stop - 1) // SEGMENT_BYTES + 1))

    def _compare(self, segments: np.ndarray) -> None:
        if not len(self._sums):
            if file_sha256(self._path) != self._whole:
                raise self._damaged("")
            self.sound = True
            return
        for segment in np.unique(segments[~self._known[segments]]):
            start = int(segment) * SEGMENT_BYTES
            if zlib.crc32(self._raw[start : start + SEGMENT_BYTES].tobytes()) != self._sums[segment]:
                raise self._damaged(f" in bytes {start:,} to {min(start + SEGMENT_BYTES, len(self._raw)):,}")
            self._known[segment] = True
        self.sound = bool(self._known.all())

    def _damaged(self, where: str) -> DamagedError:
        folder = self._path.parent.parent
        what = (
            f"its bytes are not those that were written{where} (checksum). `hooke data check {folder}` lists all damage; "
            "preparing the data again makes the store anew"
        )
        with suppress(OSError):  # a store that may only be read
            write_durably(folder / MARK, str(self._path))
        return DamagedError(self._path, what)


def _between(first: np.ndarray, last: np.ndarray) -> np.ndarray:
    return np.concatenate([np.arange(start, stop + 1) for start, stop in zip(first, last, strict=True)])
