"""Batches: every row once, order by (seed, epoch) alone, equal lengths, shares for several processes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooke.core.errors import UsageError
from hooke.core.loader import BoundedLoader, RowLoader, bounded_cuts
from hooke.core.parallel import read_ahead


def loader(count: int, batch_size: int, seed: int | None, **options: object) -> RowLoader[np.ndarray]:
    return RowLoader(lambda rows: rows, np.arange(3, 3 + count), batch_size, seed=seed, **options)  # type: ignore[arg-type]


def test_an_epoch_holds_every_row_once_and_repeats() -> None:
    made = loader(67, 16, 5)
    first, again, next_epoch = made.order(0), made.order(0), made.order(1)
    assert sorted(np.concatenate(first).tolist()) == list(range(3, 70))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, next_epoch, strict=True))
    assert len(first) == len(made) == 5
    assert [len(rows) for rows in first].count(13) == 3  # 13, 13, 13, 14, 14 in some order, not 16, 16, 16, 16, 3


@given(
    count=st.integers(4, 200),
    batch_size=st.integers(1, 40),
    world=st.integers(1, 4),
    seed=st.none() | st.integers(0, 9),
)
def test_processes_share_an_epoch(count: int, batch_size: int, world: int, seed: int | None) -> None:
    loaders = [loader(count, batch_size, seed, rank=rank, world=world) for rank in range(world)]
    orders = [one.order(1) for one in loaders]
    assert [len(order) for order in orders] == [len(one) for one in loaders]
    rows = np.concatenate([rows for order in orders for rows in order])
    assert sorted(rows.tolist()) == list(range(3, 3 + count))
    lengths = [len(rows) for order in orders for rows in order]
    assert max(lengths) <= max(batch_size, 2 if world > 1 else 1)  # no process is left without a row
    assert min(lengths) >= 1
    if seed is not None:
        assert len({len(order) for order in orders}) == 1  # equally many steps
        assert max(lengths) - min(lengths) <= 1


def test_rows_of_similar_size_share_a_batch() -> None:
    sizes = np.random.default_rng(0).integers(5, 60, 2000)
    spread = [np.ptp(sizes[rows - 3]) for rows in loader(2000, 8, 0, sizes=sizes).order(0)]
    assert np.mean(spread) < 0.1 * np.ptp(sizes)


def test_evaluation_keeps_the_given_order_and_can_start_late() -> None:
    made = RowLoader(lambda rows: rows.tolist(), np.array([7, 3, 60, 1]), 3, seed=None)
    assert list(made.epoch(0)) == [[7, 3, 60], [1]]
    assert list(made.epoch(0, start=1)) == [[1]]


def test_nothing_to_read_and_too_little_to_share() -> None:
    assert list(loader(0, 4, None).epoch(0)) == []
    with pytest.raises(UsageError, match="cannot be shared by 2 devices"):
        loader(1, 4, 1, world=2)


def test_errors_of_the_reading_thread_arrive_here() -> None:
    def read(rows: np.ndarray) -> int:
        if rows[0] > 100:
            raise IndexError("rows must lie below 100")
        return int(rows[0])

    with pytest.raises(IndexError, match="rows must lie"):
        list(read_ahead(read, [np.array([0]), np.array([10**9])], 2))
    reading = read_ahead(read, [np.array([row]) for row in range(50)], 1)
    assert next(reading) == 0
    reading.close()  # type: ignore[attr-defined]  # leaving early ends the thread


def test_processes_share_what_one_takes_with_batches_as_many_times_larger() -> None:
    sizes = np.random.default_rng(0).integers(5, 60, 203)
    one = loader(200, 24, 7, sizes=sizes).order(3)
    three = [loader(200, 8, 7, sizes=sizes, rank=rank, world=3).order(3) for rank in range(3)]
    for whole, *parts in zip(one, *three, strict=True):
        assert sorted(np.concatenate(parts).tolist()) == sorted(whole.tolist())
        assert np.ptp([sizes[part - 3].mean() for part in parts]) < 6  # and work alike


@given(
    costs=st.lists(st.integers(1, 60), min_size=4, max_size=80), most=st.integers(1, 100), world=st.integers(1, 3), size=st.integers(1, 12),
    seed=st.none() | st.integers(0, 9),
)  # fmt: skip
def test_batches_cost_no_more_than_the_bound(
    costs: list[int], most: int, world: int, size: int, seed: int | None
) -> None:
    def made(rank: int) -> BoundedLoader[np.ndarray]:
        return BoundedLoader(
            lambda rows: rows,
            np.arange(len(costs)),
            size,
            seed=seed,
            costs=np.array(costs),
            most=most,
            rank=rank,
            world=world,
        )

    orders = [made(rank).order(2) for rank in range(world)]
    assert [len(order) for order in orders] == [len(made(rank)) for rank in range(world)]
    assert seed is None or len({len(order) for order in orders}) == 1
    rows = [rows for order in orders for rows in order]
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(costs)))
    assert all(len(batch) > 0 for batch in rows)
    if world == 1 or seed is None:
        assert all(len(batch) <= size for batch in rows)
        assert all(len(batch) == 1 or sum(costs[row] for row in batch) <= most for batch in rows)
    else:  # a row that is left over joins another batch, so that each process has one of each
        assert all(sum(sorted(costs[row] for row in batch)[:-1]) <= max(most, *costs) for batch in rows)
    if seed is None and world == 1:
        assert np.concatenate(rows).tolist() == list(range(len(costs)))
    assert [len(made(0).order(epoch)) for epoch in (0, 1)] == [len(made(0))] * 2


def test_cuts_of_nothing_and_of_one_that_is_too_large() -> None:
    assert bounded_cuts(np.zeros(0), 3, 5) == []
    assert bounded_cuts(np.array([9, 2, 2, 2]), 3, 5) == [slice(0, 1), slice(1, 3), slice(3, 4)]
