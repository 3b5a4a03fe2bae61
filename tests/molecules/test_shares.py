"""Shares of tables: exact counts, even coverage, the same after a resume and for two processes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hooke.core.how import How
from hooke.core.label import Label
from hooke.datasets.mixture import Config, Dataset, TableOptions
from hooke.molecules.shares import SharedLoader, Shares, hide_tables, shares_of
from hooke.molecules.store import MoleculeStore

TABLES = np.array(
    [1] * 10 + [2] * 7 + [3] * 4 + [0] * 2 + [4] * 3, np.uint64
)  # 14 rows of table 0, 11 of table 1, 3 of table 2


def test_every_epoch_takes_exactly_its_share_and_all_rows_come_in_turn() -> None:
    shares = Shares(TABLES, {0: 0.5, 1: 0.3}, seed=3)
    assert shares.counts == {0: 7, 1: 3}
    seen = np.zeros((2, len(TABLES)), int)
    for epoch in range(4):
        drawn = shares.drawn(epoch)
        np.testing.assert_array_equal(drawn, shares.drawn(epoch))
        for table in (0, 1):
            inside = (drawn >> np.uint64(table) & np.uint64(1)).astype(bool)
            assert inside.sum() == shares.counts[table]
            seen[table] += inside
        places = shares.places(epoch)
        assert {*range(21, 26)} <= {*places.tolist()}  # rows of no table, and of one that is taken whole
        assert set(places.tolist()) == {place for place in range(26) if drawn[place] or place in (21, 22)}
        assert shares.fewest <= len(places) <= shares.most
    assert seen[0][TABLES & np.uint64(1) != 0].tolist() == [2] * 14  # halves: each row twice in four epochs
    assert seen[1].max() - seen[1][TABLES & np.uint64(2) != 0].min() <= 2
    assert not np.array_equal(shares.drawn(0), Shares(TABLES, {0: 0.5, 1: 0.3}, seed=4).drawn(0))


def test_a_tiny_table_gives_at_least_one_row_and_a_missing_one_none() -> None:
    shares = Shares(np.array([1, 2, 2], np.uint64), {0: 0.01, 5: 0.5}, seed=0)
    assert shares.counts == {0: 1, 5: 0}
    assert shares.places(0).tolist() == [0, 1, 2]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> MoleculeStore:
    folder = tmp_path_factory.mktemp("shares")
    smiles = ["C" * length for length in range(1, 25)]
    pl.DataFrame({"smiles": smiles[:16], "y": [float(row) for row in range(16)]}).write_csv(folder / "a.csv")
    pl.DataFrame({"smiles": smiles[8:], "q": [str([1.0] * len(text)) for text in smiles[8:]]}).write_csv(
        folder / "b.csv"
    )
    tables = {
        "a": TableOptions(str(folder / "a.csv"), labels=("y",), share=0.5),
        "b": TableOptions(str(folder / "b.csv"), labels=("q",), level="node"),
    }
    return Dataset(Config(tables)).prepare(folder / "stores", How(show_progress=False))


def test_labels_of_a_table_that_is_not_drawn_are_missing(store: MoleculeStore) -> None:
    assert shares_of(store, {"a": 0.5, "b": 1.0, "c": 0.1}) == {0: 0.5}
    rows = np.array([0, 8, 20])
    labels = {"graph": [Label("a/y", source="a")], "node": [Label("b/q", "node", source="b")]}
    found = store.read(rows)
    assert hide_tables(found, np.zeros(3, np.uint64), labels, ["a", "b"]) is found
    hidden = hide_tables(found, np.array([0, 1, 2], np.uint64), labels, ["a", "b"])
    assert np.isnan(hidden.targets["graph"][:, 0]).tolist() == [False, True, True]
    atoms = found.arrays.atom_counts
    assert np.isnan(hidden.targets["node"][:, 0]).tolist() == [True] * atoms[0] + [False] * atoms[1] + [True] * atoms[2]
    assert not np.isnan(found.targets["graph"][1, 0])


@pytest.mark.parametrize("batch_size", [3, 4])
def test_two_processes_share_what_one_takes_and_any_batch_can_be_the_first(
    store: MoleculeStore, batch_size: int
) -> None:
    tables = store.tables()
    assert tables is not None
    rows = np.arange(len(store))[::-1].copy()  # in any order
    shares = Shares(tables[rows], {0: 0.5}, seed=1)

    def load(rank: int, world: int, size: int) -> SharedLoader[list[tuple[int, int]]]:
        def read(chosen: np.ndarray, hidden: np.ndarray) -> list[tuple[int, int]]:
            return list(zip(chosen.tolist(), hidden.tolist(), strict=True))

        sizes = store.atom_counts[rows]
        return SharedLoader(read, rows, size, seed=7, shares=shares, sizes=sizes, rank=rank, world=world)

    whole = load(0, 1, 2 * batch_size)
    for epoch in range(3):
        batches = list(whole.epoch(epoch))
        assert len(batches) == len(whole)
        assert list(whole.epoch(epoch, start=1)) == batches[1:]
        for left, right, both in zip(
            load(0, 2, batch_size).epoch(epoch), load(1, 2, batch_size).epoch(epoch), batches, strict=True
        ):
            assert sorted(left + right) == sorted(both)
        items = dict(item for batch in batches for item in batch)
        assert len(items) == sum(map(len, batches)) <= shares.most
        in_a = {row for row in items if tables[row] & np.uint64(1)}
        assert sum(items[row] == 0 for row in in_a) == 8  # half of the table; the others are there for table b alone
        assert {row for row in range(len(store)) if tables[row] & np.uint64(2)} <= set(items)
