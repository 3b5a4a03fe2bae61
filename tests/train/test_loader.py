"""Batches: every row once, order by (seed, epoch) alone, shards for several processes."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.molecules.store import MoleculeStore
from hooke.train.loader import MoleculeLoader, read_ahead


def test_an_epoch_holds_every_row_once_and_repeats(store: MoleculeStore) -> None:
    rows = np.arange(3, 70)
    loader = MoleculeLoader(store, rows, 16, seed=5)
    first, again, next_epoch = loader.order(0), loader.order(0), loader.order(1)
    assert sorted(np.concatenate(first).tolist()) == rows.tolist()
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, next_epoch, strict=True))
    assert len(first) == len(loader) == 5


def test_molecules_of_similar_size_share_a_batch(store: MoleculeStore) -> None:
    sizes = store.atom_counts
    spread = [np.ptp(sizes[rows]) for rows in MoleculeLoader(store, np.arange(80), 8, seed=0).order(0)]
    assert np.mean(spread) < 0.5 * np.ptp(sizes)


def test_evaluation_keeps_the_given_order_and_can_start_late(store: MoleculeStore) -> None:
    rows = np.array([7, 3, 60, 1])
    loader = MoleculeLoader(store, rows, 3, seed=None)
    assert [batch.rows.tolist() for batch in loader.epoch(0)] == [[7, 3, 60], [1]]
    assert [batch.rows.tolist() for batch in loader.epoch(0, start=1)] == [[1]]


def test_processes_share_an_epoch_without_overlap(store: MoleculeStore) -> None:
    parts = [
        np.concatenate(MoleculeLoader(store, np.arange(80), 16, seed=1, rank=rank, world=2).order(0)) for rank in (0, 1)
    ]
    assert not set(parts[0]) & set(parts[1])
    assert len(parts[0]) + len(parts[1]) == 64  # five batches: the odd one is left out
    assert len(MoleculeLoader(store, np.arange(80), 16, seed=1, rank=0, world=2)) == 2


def test_errors_of_the_reading_thread_arrive_here(store: MoleculeStore) -> None:
    with pytest.raises(IndexError, match="rows must lie"):
        list(read_ahead(store, [np.array([0]), np.array([10**9])], 2))
    reading = read_ahead(store, [np.array([row]) for row in range(50)], 1)
    assert next(reading).rows.tolist() == [0]
    reading.close()  # leaving early ends the thread
