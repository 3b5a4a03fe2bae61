"""Both codecs give back what was encoded; the compressed one keeps few chunks in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hooke.core.errors import DataError
from hooke.core.store import codecs
from hooke.core.store.codecs import ChunkedFile, encoder, open_file
from hooke.core.store.schema import Column


def encode(values: np.ndarray, codec: str, *, blocks: int = 1) -> bytes:
    column = Column("x", "row", values.dtype.name, values.shape[1:])
    writing = encoder(column, codec)
    return b"".join([writing.feed(part) for part in np.array_split(values, blocks)]) + writing.finish()


@pytest.mark.parametrize("codec", ["plain", "chunked"])
@given(items=st.integers(0, 300), width=st.integers(1, 4), seed=st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_round_trip(codec: str, items: int, width: int, seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    values = np.random.default_rng(seed).normal(size=(items, width)).astype(np.float16)
    path = tmp_path_factory.mktemp("codec") / "x.bin"
    data = encode(values, codec)
    assert data == encode(values, codec, blocks=3)
    path.write_bytes(data)
    file = open_file(path, Column("x", "atom", "float16", (width,)), items, codec)
    np.testing.assert_array_equal(file.slice(0, items), values)
    index = np.random.default_rng(seed + 1).integers(0, max(items, 1), 20 if items else 0)
    np.testing.assert_array_equal(file.take(index), values[index])


def test_chunks_are_small_cached_and_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs, "CACHED_CHUNKS", 2)
    values = np.arange(100_000, dtype=np.int64)
    path = tmp_path / "x.bin"
    path.write_bytes(encode(values, "chunked"))
    assert path.stat().st_size < values.nbytes / 2
    file = ChunkedFile(path, Column("x", "row", "int64"), len(values))
    np.testing.assert_array_equal(file.take(np.array([5, 99_999, 50_000, 6])), [5, 99_999, 50_000, 6])
    assert len(file._cache) == 2


def test_damage_is_reported(tmp_path: Path) -> None:
    column = Column("x", "row", "int64")
    path = tmp_path / "x.bin"
    data = bytearray(encode(np.arange(20_000), "chunked"))
    data[0:40] = b"\0" * 40
    path.write_bytes(data)
    with pytest.raises(DataError, match="does not decode"):
        ChunkedFile(path, column, 20_000).slice(0, 10)
    path.write_bytes(b"\0" * 40)
    with pytest.raises(DataError, match="truncated"):
        ChunkedFile(path, column, 20_000)
    with pytest.raises(DataError, match="expected"):
        open_file(path, column, 20_000, "plain")
    path.write_bytes(b"\0" * 8)
    with pytest.raises(DataError, match="missing or truncated"):
        ChunkedFile(path, column, 20_000)
    path.write_bytes(np.array([1 << 60, 1 << 60, 1 << 60], np.int64).tobytes())
    with pytest.raises(DataError, match="truncated"):
        ChunkedFile(path, column, 20_000)


def test_threads_share_a_compressed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setattr(codecs, "CACHED_CHUNKS", 1)
    values = np.arange(50_000, dtype=np.int64)
    path = tmp_path / "x.bin"
    path.write_bytes(encode(values, "chunked"))
    file = ChunkedFile(path, Column("x", "row", "int64"), len(values))
    rows = [np.random.default_rng(seed).integers(0, len(values), 50) for seed in range(40)]
    with ThreadPoolExecutor(4) as pool:
        for asked, found in zip(rows, pool.map(file.take, rows), strict=True):
            np.testing.assert_array_equal(found, asked)
