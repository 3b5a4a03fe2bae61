"""Random rows of any column, across shards and codecs, equal what was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hooke.core.errors import DataError
from hooke.core.store import Column, Schema, Store, StoreWriter
from hooke.core.store.reader import ragged_index

SCHEMA = Schema(
    (Column("weight", "row", "float32"), Column("code", "atom", "uint8", (2,)), Column("bond", "bond", "uint16"))
)


def rows_of(count: int, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    generator = np.random.default_rng(seed)
    offsets = {axis: np.concatenate([[0], np.cumsum(generator.integers(0, 5, count))]) for axis in ("atom", "bond")}
    values = {
        "weight": generator.normal(size=count).astype(np.float32),
        "code": generator.integers(0, 255, (offsets["atom"][-1], 2)).astype(np.uint8),
        "bond": generator.integers(0, 999, offsets["bond"][-1]).astype(np.uint16),
    }
    return values, offsets


@pytest.mark.parametrize("codec", ["plain", "chunked"])
@pytest.mark.parametrize("shard_rows", [7, 1000])
def test_gather_gives_the_written_items_in_the_asked_order(tmp_path: Path, codec: str, shard_rows: int) -> None:
    values, offsets = rows_of(50, 0)
    writer = StoreWriter(tmp_path / "store", SCHEMA, codec=codec, shard_rows=shard_rows, metadata={"what": "test"})
    writer.append(50, values, offsets)
    writer.close()
    store = Store.open(tmp_path / "store")
    assert (store.rows, store.metadata) == (50, {"what": "test"})
    rows = np.random.default_rng(1).permutation(50)[:23]
    found_offsets, found = store.gather("atom", rows, ["code"])
    expected = [values["code"][offsets["atom"][row] : offsets["atom"][row + 1]] for row in rows]
    np.testing.assert_array_equal(found["code"], np.concatenate(expected))
    np.testing.assert_array_equal(np.diff(found_offsets), [len(part) for part in expected])
    np.testing.assert_array_equal(store.row_column("weight", rows), values["weight"][rows])
    np.testing.assert_array_equal(store.row_column("weight"), values["weight"])
    np.testing.assert_array_equal(store.axis_counts("bond"), np.diff(offsets["bond"]))
    np.testing.assert_array_equal(store.axis_counts("bond", rows), np.diff(offsets["bond"])[rows])


def test_rows_outside_the_store_are_refused(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store", SCHEMA)
    writer.append(3, *rows_of(3, 0))
    writer.close()
    with pytest.raises(IndexError, match="rows must lie"):
        Store.open(tmp_path / "store").row_column("weight", np.array([3]))
    with pytest.raises(ValueError, match="use gather"):
        Store.open(tmp_path / "store").row_column("code")


def test_a_folder_without_manifest_is_no_store(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store", SCHEMA, shard_rows=2)
    writer.append(4, *rows_of(4, 0))
    with pytest.raises(DataError, match="no manifest"):
        Store.open(tmp_path / "store")


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 6)), max_size=20))
@settings(max_examples=50, deadline=None)
def test_ragged_index_lists_every_run(runs: list[tuple[int, int]]) -> None:
    starts = np.array([start for start, _ in runs], dtype=np.int64)
    lengths = np.array([length for _, length in runs], dtype=np.int64)
    expected = [place for start, length in runs for place in range(start, start + length)]
    assert ragged_index(starts, lengths).tolist() == expected


def test_many_shards_open_without_reading_them(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path / "store", SCHEMA, shard_rows=5)
    for seed in range(4):
        writer.append(10, *rows_of(10, seed))
    writer.close()
    store = Store.open(tmp_path / "store")
    assert len(store.manifest.shards) == 8
    everything = np.arange(40)
    offsets, found = store.gather("bond", everything, ["bond"])
    expected = np.concatenate([rows_of(10, seed)[0]["bond"] for seed in range(4)])
    np.testing.assert_array_equal(found["bond"], expected)
    assert offsets[-1] == len(expected)
