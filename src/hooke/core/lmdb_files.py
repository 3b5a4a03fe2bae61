"""Entries of an LMDB file, read here: the library maps the file and follows what stands in it, so that a damaged one ends the process.

Source: the format of LMDB 0.9 (github.com/LMDB/lmdb, libraries/liblmdb/mdb.c): two meta pages, of which that of the later transaction holds; a
B+ tree of branch and leaf pages; values beyond a quarter of a page on overflow pages. One unnamed database of unique keys is read.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from hooke.core.errors import DataError
from hooke.core.reading import reading, refuse_larger

_MAGIC, _VERSION = 0xBEEFC0DE, 1
_BRANCH, _LEAF, _OVERFLOW, _META = 1, 2, 4, 8
_BIG, _SPECIAL = 1, 6  # of an entry: its value is on overflow pages; it is a database or has several values
_HEADER = 16
_NOTHING = 2**64 - 1
_DEEPEST = 64


def entries(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values in the order of the keys.

    Args:
        path: "data.mdb" of an environment that is a folder, or the file of one that is not.

    Raises:
        DataError: It is no LMDB file, it is damaged, or has databases with names.
    """
    with reading(path, "LMDB"), open(path, "rb") as file:
        size = file.seek(0, 2)
        if size < 2 * _HEADER + 272:
            raise DataError(f"{path} is too short for LMDB")
        with closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as data:
            yield from _Tree(path, data, size).entries()


class _Tree:
    """A mapped file."""

    def __init__(self, path: Path, data: mmap.mmap, size: int) -> None:
        self._path, self._data, self._size = path, data, size
        self._page = self._meta(0)[2]
        if not 256 <= self._page <= 65536 or self._page & (self._page - 1) or self._page + _HEADER + 136 > size:
            raise DataError(f"{path} is damaged: pages of {self._page} bytes")
        self.root = max((self._meta(0), self._meta(self._page)))[1]
        self._left = size  # bytes of values that may still be given: overlapping ones are no tree

    def _meta(self, place: int) -> tuple[int, int, int]:
        """Transaction, root page and page size of a meta page."""
        (flags,) = struct.unpack_from("<H", self._data, place + 10)
        magic, version = struct.unpack_from("<II", self._data, place + _HEADER)
        if magic != _MAGIC or version != _VERSION or not flags & _META:
            raise DataError(f"{self._path} is no LMDB file of version {_VERSION}")
        (page,) = struct.unpack_from("<I", self._data, place + _HEADER + 24)
        root, _, transaction = struct.unpack_from("<QQQ", self._data, place + _HEADER + 112)
        return transaction, root, page

    def entries(self) -> Iterator[tuple[bytes, bytes]]:
        """All of them."""
        if self.root != _NOTHING:
            yield from self._below(self.root, set(), 0)

    def _below(self, number: int, seen: set[int], depth: int) -> Iterator[tuple[bytes, bytes]]:
        if number in seen or depth > _DEEPEST:
            raise DataError(f"{self._path} is damaged: page {number} stands in two places")
        seen.add(number)
        start = self._start(number)
        flags, lower = struct.unpack_from("<HH", self._data, start + 10)
        if not flags & (_BRANCH | _LEAF) or not _HEADER <= lower <= self._page:
            raise DataError(f"{self._path} is damaged: page {number} is none of a tree")
        for place in range(_HEADER, lower - 1, 2):
            (offset,) = struct.unpack_from("<H", self._data, start + place)
            if not lower <= offset <= self._page - 8:
                raise DataError(f"{self._path} is damaged: an entry of page {number} lies outside of it")
            low, high, kind, length = struct.unpack_from("<HHHH", self._data, start + offset)
            key = start + offset + 8
            if offset + 8 + length > self._page:
                raise DataError(f"{self._path} is damaged: a key of page {number} is cut off")
            if flags & _BRANCH:
                yield from self._below(low | high << 16 | kind << 32, seen, depth + 1)
            else:
                yield self._data[key : key + length], self._value(key + length, low | high << 16, kind, number)

    def _value(self, place: int, length: int, kind: int, number: int) -> bytes:
        if kind & _SPECIAL:
            raise DataError(f"{self._path} holds databases in a database, which are not read")
        if kind & _BIG:
            (page,) = struct.unpack_from("<Q", self._data, place)
            place = self._start(page) + _HEADER
            if not struct.unpack_from("<H", self._data, place - 6)[0] & _OVERFLOW:
                raise DataError(f"{self._path} is damaged: page {page} holds no value")
        refuse_larger(length, self._path)
        self._left -= length
        if place + length > self._size or self._left < 0:
            raise DataError(f"{self._path} is damaged: a value of page {number} is cut off")
        return self._data[place : place + length]

    def _start(self, number: int) -> int:
        if not 2 <= number <= self._size // self._page - 1:
            raise DataError(f"{self._path} is damaged: there is no page {number}")
        return number * self._page
