from __future__ import annotations

import math

import numpy as np
import pytest

from hooke.cells.annotations import known_pairs
from hooke.core.errors import DataError, UsageError
from hooke.evaluate.known_pairs import KnownPairs, unique_pairs
from hooke.evaluate.pair_cosines import pair_cosines, unit_rows
from hooke.evaluate.recall import _least, _most, recall_difference, relationship_recall

NAMES = np.array([f"G{number:03d}" for number in range(120)])


def generator() -> np.random.Generator:
    return np.random.default_rng(0)


def some_pairs(count: int = 300, seed: int = 3) -> dict[str, KnownPairs]:
    drawn = np.random.default_rng(seed).integers(0, len(NAMES), (2, count))
    return {"mine": unique_pairs("mine", NAMES[drawn[0]], NAMES[drawn[1]])}


def by_definition(values: np.ndarray, pairs: np.ndarray, left: float, right: float) -> np.ndarray:
    unit = unit_rows(values)
    null = np.sort(pair_cosines(unit, *np.triu_indices(len(unit), 1)))
    query = pair_cosines(unit, pairs[:, 0], pairs[:, 1])
    low = np.searchsorted(null, query, side="left") / len(null)
    high = np.searchsorted(null, query, side="right") / len(null)
    return (high <= left) | (low >= right)


@pytest.mark.parametrize("kind", ["normal", "signs"])
def test_the_definition(kind: str) -> None:
    values = np.random.default_rng(1).normal(size=(120, 4))
    values = np.sign(values) if kind == "signs" else values
    for found in relationship_recall(values, NAMES, some_pairs(), generator=generator()):
        expected = by_definition(values, found.pairs, found.left, found.right)
        assert np.array_equal(found.recalled, expected)
        assert found.recall.value == expected.mean()
        assert found.null_size == 120 * 119 // 2
        assert found.queries == len(expected) == len(found.cosines)


def test_thresholds_are_compared_as_the_definition_divides() -> None:
    for size in (7, 10, 99, 100, 7140, 144_491_500):
        for share in (0.05, 0.1, 0.3, 0.9, 0.95):
            most, least = _most(share, size), _least(share, size)
            assert most / size <= share < (most + 1) / size
            assert (least - 1) / size < share <= least / size


def test_equal_cosines_recall_nothing_and_random_ones_recall_chance() -> None:
    equal = relationship_recall(np.ones((120, 3)), NAMES, some_pairs(), generator=generator())
    assert [found.recall.value for found in equal] == [0, 0]
    values = np.random.default_rng(2).normal(size=(120, 40))
    found = relationship_recall(values, NAMES, some_pairs(4000), generator=generator())
    for one in found:
        assert one.recall.value == pytest.approx(one.chance, abs=0.03)
        assert one.recall.low < one.recall.value < one.recall.high
    assert [one.chance for one in found] == pytest.approx([0.1, 0.2])


def test_neither_order_nor_scale_nor_repetition_matters() -> None:
    random = np.random.default_rng(4)
    values = random.normal(size=(120, 6))
    known = some_pairs()["mine"]
    first = relationship_recall(values, NAMES, {"mine": known}, generator=generator())
    order = random.permutation(120)
    scaled = values[order] * random.uniform(0.1, 9, (120, 1))
    twice = unique_pairs("mine", [*known.second, *known.first], [*known.first, *known.second])
    second = relationship_recall(scaled, NAMES[order], {"mine": twice}, generator=generator())
    assert [one.recall.value for one in first] == [one.recall.value for one in second]


def test_opposite_profiles_are_recalled() -> None:
    values = np.random.default_rng(5).normal(size=(120, 30))
    values[1] = -values[0]
    [found] = relationship_recall(
        values,
        NAMES,
        {"mine": unique_pairs("mine", ["G000"], ["G001"])},
        generator=generator(),
        thresholds=[(0.05, 0.95)],
    )
    assert found.recall.value == 1
    assert math.isnan(found.recall.low) or found.recall.low == 1


def test_compounds_do_not_change_the_recall_of_genes() -> None:
    random = np.random.default_rng(6)
    genes, compounds = random.normal(size=(120, 6)), random.normal(size=(300, 6)) + 3
    names = np.concatenate([NAMES, [f"C{number}" for number in range(300)]])
    kinds = np.repeat(["gene", "compound"], [120, 300])
    alone = relationship_recall(genes, NAMES, some_pairs(), generator=generator())
    mixed = np.concatenate([genes, compounds])
    scoped = relationship_recall(mixed, names, some_pairs(), generator=generator(), null_scope="gene", kinds=kinds)
    assert [one.recall.value for one in alone] == [one.recall.value for one in scoped]
    assert scoped[0].null_size == alone[0].null_size
    everything = relationship_recall(mixed, names, some_pairs(), generator=generator())
    assert everything[0].null_size == 420 * 419 // 2
    assert everything[0].recall.value != alone[0].recall.value


def test_what_is_printed_says_chance_null_and_queries() -> None:
    [found] = relationship_recall(
        np.eye(120),
        NAMES,
        {"none": unique_pairs("none", ["X"], ["Y"])},
        generator=generator(),
        thresholds=[(0.05, 0.95)],
    )
    printed = found.to_json()
    assert {"recall", "chance", "null_size", "queries", "null_scope", "entities"} <= set(printed)
    assert printed["queries"] == 0
    assert math.isnan(found.recall.value)


def test_what_is_refused() -> None:
    values = np.random.default_rng(7).normal(size=(120, 3))
    with pytest.raises(UsageError, match="these names repeat: G000"):
        relationship_recall(values, np.where(NAMES == "G001", "G000", NAMES), some_pairs(), generator=generator())
    with pytest.raises(DataError, match="at least 20"):
        relationship_recall(values[:10], NAMES[:10], some_pairs(), generator=generator())
    with pytest.raises(DataError, match="119 profiles for 120 names"):
        relationship_recall(values[1:], NAMES, some_pairs(), generator=generator())
    with pytest.raises(UsageError, match="thresholds"):
        relationship_recall(values, NAMES, some_pairs(), generator=generator(), thresholds=[(0.9, 0.1)])
    with pytest.raises(UsageError, match="needs the kind"):
        relationship_recall(values, NAMES, some_pairs(), generator=generator(), null_scope="gene")
    with pytest.raises(UsageError, match="no entity is of the kind 'guide'"):
        relationship_recall(
            values, NAMES, some_pairs(), generator=generator(), null_scope="guide", kinds=["gene"] * 120
        )


@pytest.mark.mirror
def test_ten_thousand_genes_in_little_memory(mirror: object) -> None:
    import tracemalloc

    sources = known_pairs("CORUM", show_progress=False)
    names = np.unique(np.concatenate([sources["CORUM"].first, sources["CORUM"].second]))
    names = np.concatenate([names, [f"made_{number}" for number in range(6000 - len(names))]])
    values = np.random.default_rng(8).normal(size=(len(names), 16)).astype(np.float32)
    tracemalloc.start()
    found = relationship_recall(values, names, sources, generator=generator(), resamples=0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[0].queries == 37_649
    assert found[0].recall.value == pytest.approx(0.1, abs=0.01)
    assert peak < 6000 * 6000 * 4  # the square matrix, even in float32


def test_differences_are_paired() -> None:
    values = generator().normal(size=(120, 6))
    values[:16] = values[:1] + 0.3 * values[:16]
    first, second = np.triu_indices(16, 1)
    pairs = {"mine": unique_pairs("mine", NAMES[first], NAMES[second])}
    noise = np.random.default_rng(1).normal(size=(120, 6))
    good, poor = (
        relationship_recall(some, NAMES, pairs, generator=generator(), thresholds=((0.05, 0.95),))[0]
        for some in (values, noise)
    )
    found = recall_difference(good, poor, generator=generator())
    assert found.value == pytest.approx(good.recall.value - poor.recall.value)
    assert 0 < found.low <= found.value <= found.high
    same = recall_difference(good, good, generator=generator())
    assert (same.low, same.value, same.high) == (0, 0, 0)
    [other] = relationship_recall(values, NAMES, some_pairs(), generator=generator(), thresholds=((0.05, 0.95),))
    with pytest.raises(UsageError, match="queries are the same"):
        recall_difference(good, other, generator=generator())
