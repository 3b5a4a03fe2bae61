"""Splits are partitions, keep groups together and repeat."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hooke.evaluate.splits import (
    Split,
    column_split,
    evenly_spaced,
    group_split,
    part_of,
    random_split,
    scaffold_balanced_split,
    scaffold_split,
    time_split,
)


def check_partition(split: Split, count: int) -> None:
    together = np.concatenate([split.train, split.valid, split.test])
    assert sorted(together.tolist()) == list(range(count))
    for part in (split.train, split.valid, split.test):
        assert (np.diff(part) > 0).all()


@given(count=st.integers(0, 200), seed=st.integers(0, 5))
@settings(max_examples=40, deadline=None)
def test_random(count: int, seed: int) -> None:
    split = random_split(count, generator=np.random.default_rng(seed))
    check_partition(split, count)
    assert abs(len(split.train) - 0.8 * count) <= 0.5
    again = random_split(count, generator=np.random.default_rng(seed))
    assert np.array_equal(split.test, again.test)


@given(groups=st.lists(st.integers(0, 15), max_size=120), seed=st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_scaffold_groups_are_never_divided(groups: list[int], seed: int) -> None:
    names = [str(group) for group in groups]
    for split in (scaffold_split(names), scaffold_balanced_split(names, generator=np.random.default_rng(seed))):
        check_partition(split, len(names))
        labels = split.labels(len(names))
        for name in set(names):
            assert len({labels[place] for place, other in enumerate(names) if other == name}) == 1
        assert len(split.train) <= round(0.8 * len(names))


def test_deterministic_scaffold_puts_the_rarest_last() -> None:
    split = scaffold_split(["a"] * 8 + ["b", "c"])
    assert split.train.tolist() == list(range(8))
    assert (split.valid.tolist(), split.test.tolist()) == ([8], [9])


def test_time_and_column() -> None:
    times = np.array([5.0, 1, np.nan, 3, 2, 9, 8, 7, 6, 4])
    split = time_split(times)
    check_partition(split, 10)
    assert split.test.tolist() == [5]
    assert 2 in split.train
    found = column_split(np.array([0, 2, 1, 255, 0]))
    assert (found.train.tolist(), found.valid.tolist(), found.test.tolist()) == ([0, 4], [2], [1])
    assert found.left_out == {"without a part": 1}


def test_wrong_fractions() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        random_split(10, generator=np.random.default_rng(0), fractions=(0.5, 0.1, 0.1))


@given(groups=st.integers(1, 12), size=st.integers(1, 5), seed=st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_groups_stay_whole_and_every_part_gets_one(groups: int, size: int, seed: int) -> None:
    keys = [number % groups for number in range(groups * size)]
    split = group_split(keys, generator=np.random.default_rng(seed), fractions=(0.6, 0.2, 0.2))
    check_partition(split, len(keys))
    parts = [{keys[row] for row in part} for part in (split.train, split.valid, split.test)]
    assert sum(map(len, parts)) == groups
    assert [bool(part) for part in parts] == [True, groups > 1, groups > 2]
    only = group_split(keys, generator=np.random.default_rng(seed), fractions=(1.0, 0.0, 0.0))
    assert len(only.train) == len(keys)


def test_a_share_of_the_training_rows_is_nested() -> None:
    whole = random_split(100, generator=np.random.default_rng(0))
    parts = [part_of(whole, share, generator=np.random.default_rng(1)) for share in (0.001, 0.25, 0.5, 1.0)]
    assert [len(part.train) for part in parts] == [1, 20, 40, 80]
    assert all(set(less.train) <= set(more.train) for less, more in itertools.pairwise(parts))
    assert [sum(part.left_out.values()) for part in parts] == [79, 60, 40, 0]
    assert all(part.test is whole.test and (np.diff(part.train) > 0).all() for part in parts)


@pytest.mark.parametrize(("count", "most"), [(10, 4), (3, 9), (1, 1), (100_000, 7)])
def test_evenly_spaced_places(count: int, most: int) -> None:
    places = evenly_spaced(count, most)
    assert (places[0], places[-1], len(places)) == (0, count - 1 if most > 1 else 0, min(count, most))
    gaps = np.diff(places).tolist() or [1]
    assert max(gaps) - min(gaps) <= 1
    assert len(evenly_spaced(0, 5)) == 0
