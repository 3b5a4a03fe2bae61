"""Writing: nothing exists before the manifest, appends make new generations, a dead writer leaves no trace."""

from __future__ import annotations

import builtins
import errno
import itertools
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hooke.core.errors import DataError, UsageError
from hooke.core.store import Column, Schema, Store, StoreWriter, check_store

SCHEMA = Schema((Column("value", "row", "int64"), Column("item", "thing", "uint8")))


def append(writer: StoreWriter, first: int, count: int) -> None:
    values = {"value": np.arange(first, first + count), "item": np.arange(2 * count, dtype=np.uint8)}
    writer.append(count, values, {"thing": 2 * np.arange(count + 1)})


def test_append_makes_a_new_generation_and_the_old_one_stays(tmp_path: Path) -> None:
    first = StoreWriter(tmp_path, SCHEMA, shard_rows=4)
    append(first, 0, 6)
    first.close()
    second = StoreWriter(tmp_path, SCHEMA, shard_rows=4, append=True, metadata={"more": 1})
    append(second, 6, 3)
    second.close()
    store = Store.open(tmp_path)
    assert store.row_column("value").tolist() == list(range(9))
    assert store.manifest.generation == 2
    assert store.metadata == {"more": 1}
    assert {path.name for path in tmp_path.glob("manifest-*")} == {"manifest-000001.json", "manifest-000002.json"}
    assert check_store(tmp_path) == []


def test_leftovers_of_a_dead_writer_are_removed(tmp_path: Path) -> None:
    dead = StoreWriter(tmp_path, SCHEMA, shard_rows=2)
    append(dead, 0, 5)  # two shards on disk, no manifest
    assert (tmp_path / "shard-000001").exists()
    again = StoreWriter(tmp_path, SCHEMA, shard_rows=2)
    append(again, 10, 1)
    again.close()
    assert Store.open(tmp_path).row_column("value").tolist() == [10]
    assert check_store(tmp_path) == []


def test_the_same_rows_in_other_blocks_have_the_same_hash(tmp_path: Path) -> None:
    hashes = []
    for name, blocks in {"one": [10], "many": [3, 1, 6]}.items():
        writer = StoreWriter(tmp_path / name, SCHEMA, shard_rows=4)
        values = {"value": np.arange(10), "item": np.arange(20, dtype=np.uint8)}
        start = 0
        for count in blocks:
            part = {
                "value": values["value"][start : start + count],
                "item": values["item"][2 * start : 2 * (start + count)],
            }
            writer.append(count, part, {"thing": 2 * np.arange(count + 1)})
            start += count
        hashes.append(writer.close().content_hash)
    assert hashes[0] == hashes[1]


def test_wrong_input_is_refused(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path, SCHEMA)
    with pytest.raises(ValueError, match="column 'item'"):
        writer.append(1, {"value": np.arange(1), "item": np.zeros(3, np.uint8)}, {"thing": np.array([0, 2])})
    with pytest.raises(ValueError, match="offsets of axis"):
        writer.append(1, {"value": np.arange(1), "item": np.zeros(2, np.uint8)}, {"thing": np.array([1, 3])})
    with pytest.raises(UsageError, match="codec"):
        StoreWriter(tmp_path / "other", SCHEMA, codec="gzip")
    append(writer, 0, 1)
    writer.close()
    with pytest.raises(UsageError, match="already holds a store"):
        StoreWriter(tmp_path, SCHEMA)
    with pytest.raises(DataError, match="another schema"):
        StoreWriter(tmp_path, Schema((Column("value", "row", "int64"),)), append=True)


def test_a_full_disk_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = StoreWriter(tmp_path, SCHEMA)
    append(writer, 0, 2)
    real = builtins.open

    def full(path: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
        if "a" in mode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, mode, *rest, **named)

    monkeypatch.setattr(builtins, "open", full)
    with pytest.raises(DataError, match="full"):
        writer.close()


@given(
    counts=st.lists(st.integers(0, 4), max_size=20), cuts=st.lists(st.integers(0, 20), max_size=4), shard_rows=st.integers(1, 9),
    codec=st.sampled_from(["plain", "chunked"]),
)  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_any_rows_in_any_blocks_come_back(
    counts: list[int], cuts: list[int], shard_rows: int, codec: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    writer = StoreWriter(folder, SCHEMA, shard_rows=shard_rows, codec=codec)
    edges = [0, *sorted(min(cut, len(counts)) for cut in cuts), len(counts)]
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    items = np.arange(ends[-1]).astype(np.uint8)
    for start, stop in itertools.pairwise(edges):
        values = {"value": np.arange(start, stop), "item": items[ends[start] : ends[stop]]}
        writer.append(stop - start, values, {"thing": ends[start : stop + 1] - ends[start]})
    writer.close()
    store = Store.open(folder)
    assert store.rows == len(counts)
    assert [shard.rows for shard in store.manifest.shards[:-1]] == [shard_rows] * (len(store.manifest.shards) - 1)
    offsets, found = store.gather("thing", np.arange(len(counts))[::-1], ["item"])
    expected = [items[ends[row] : ends[row + 1]] for row in reversed(range(len(counts)))]
    np.testing.assert_array_equal(found["item"], np.concatenate([items[:0], *expected]))
    assert np.diff(offsets).tolist() == counts[::-1]
    assert check_store(folder) == []


def test_large_blocks_go_straight_to_the_disk(tmp_path: Path) -> None:
    writer = StoreWriter(tmp_path, Schema((Column("value", "row", "int64"),)))
    for start in range(0, 1_000_000, 250_000):
        writer.append(250_000, {"value": np.arange(start, start + 250_000)}, {})
        assert (tmp_path / "shard-000000" / "value.bin").stat().st_size == 8 * (start + 250_000)
    writer.close()
    np.testing.assert_array_equal(Store.open(tmp_path).row_column("value"), np.arange(1_000_000))


def test_an_append_that_was_killed_leaves_the_old_generation(tmp_path: Path) -> None:
    first = StoreWriter(tmp_path, SCHEMA)
    append(first, 0, 3)
    before = first.close().content_hash
    code = (
        "import os, signal, sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "import test_writer as t\n"
        "writer = t.StoreWriter(Path(sys.argv[1]), t.SCHEMA, append=True, shard_rows=2)\n"
        "t.append(writer, 3, 5); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert Store.open(tmp_path).content_hash == before
    assert [problem.what[:6] for problem in check_store(tmp_path)] == ["orphan"] * 3
    again = StoreWriter(tmp_path, SCHEMA, append=True, shard_rows=2)
    append(again, 3, 5)
    again.close()
    assert Store.open(tmp_path).row_column("value").tolist() == list(range(8))
    assert check_store(tmp_path) == []
