"""Contributions add up, nulls keep degrees, ties count fractionally, and planted truth is found where noise is not."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.evaluate.faithfulness import (
    TAIL,
    agreement,
    contributions,
    deletion,
    largest,
    permutations,
    ranked,
    refuse_own,
    resampled_mean,
    retained,
    shared_cosines,
    strata,
    summarised,
    tail_membership,
)


def test_contributions_add_up_to_one() -> None:
    parts = np.random.default_rng(0).normal(size=(6, 9))
    found = contributions(parts)
    total = parts.sum(axis=0)
    assert found.sum() == pytest.approx(1.0)
    assert found[2] == pytest.approx(parts[2] @ total / (total @ total))
    assert np.isnan(contributions(np.stack([parts[0], -parts[0]]))).all()


def test_permutations_move_within_strata_alone() -> None:
    degrees = np.array([9, 1, 5, 2, 8, 3, 3, 40, 7, 6])
    stratum = strata(degrees)
    assert sorted(np.bincount(stratum).tolist()) == [4, 6]
    assert degrees[stratum == 0].max() <= degrees[stratum == 1].min()
    order = permutations(stratum, 200, np.random.default_rng(0))
    assert (np.sort(order, axis=1) == np.arange(10)).all()
    assert (stratum[order] == stratum).all()
    times = np.array([[(order[:, place] == other).mean() for other in range(10)] for place in range(10)])
    assert times[stratum == 0][:, stratum == 0] == pytest.approx(0.25, abs=0.12)


def test_agreement_is_that_of_scipy_and_its_null_is_small() -> None:
    from scipy.stats import spearmanr

    generator = np.random.default_rng(1)
    similarity = generator.normal(size=40)
    contribution = similarity + generator.normal(size=40)
    value, null = agreement(contribution, similarity, generator.integers(1, 50, 40), 300, generator)
    assert value == pytest.approx(spearmanr(contribution, similarity).statistic)
    assert null.mean() == pytest.approx(value / 4, abs=0.1)  # of strata of four, every fourth stays where it is


def test_agreement_by_degree_alone_is_no_gain() -> None:
    generator = np.random.default_rng(2)
    values, nulls = [], []
    for _ in range(60):
        degrees = np.sort(generator.integers(1, 200, 32))
        value, null = agreement(degrees + 0.0, degrees + generator.normal(scale=20, size=32), degrees, 50, generator)
        values.append(value)
        nulls.append(null)
    found = summarised(np.array(values), np.array(nulls), generator)
    assert found.value.value > 0.8
    assert found.null.value > 0.8
    assert found.gain.value < 0.05
    with_undefined = summarised(np.array([*values, np.nan]), np.array([*nulls, nulls[0]]), generator)
    assert with_undefined.count == 60
    nothing = summarised(np.full(3, np.nan), np.zeros((3, 5)), generator)
    assert (nothing.count, nothing.verdict) == (0, "not defined here")


def test_deletion_of_the_largest_moves_more() -> None:
    generator = np.random.default_rng(3)
    parts = generator.normal(size=(12, 30)) * np.linspace(0.1, 3, 12)[:, None]
    top = largest(contributions(parts))
    assert top.sum() == 3
    gone, anyone, alike = deletion(parts, top, generator.integers(1, 9, 12), 80, generator)
    assert gone == pytest.approx(parts[top].sum(axis=0))
    assert np.linalg.norm(gone) > np.linalg.norm(anyone, axis=1).mean()
    assert anyone.shape == alike.shape == (80, 30)


def test_ranked_is_above_its_null_where_something_is_planted() -> None:
    generator = np.random.default_rng(4)
    positive = np.arange(200) % 5 == 0
    stratum = np.arange(200) // 20
    planted = ranked(generator.normal(size=200) + 1.5 * positive, positive, stratum, generator, draws=200)
    noise = ranked(generator.normal(size=200), positive, stratum, generator, draws=200)
    assert planted.verdict == "above its null"
    assert noise.verdict.startswith("null result")
    assert planted.count == 40
    assert ranked(np.zeros(4), np.ones(4, bool), np.zeros(4, int), generator).verdict == "not defined here"


def test_ties_at_the_cut_count_by_their_share() -> None:
    assert tail_membership(np.zeros(1000), np.zeros(3)) == pytest.approx(2 * TAIL)
    cosines = np.concatenate([np.full(900, 0.0), np.linspace(0.1, 1, 100)])
    assert tail_membership(cosines, np.array([1.0, 0.1, 0.0])) == pytest.approx([1.0, 0.0, 50 / 900])
    distinct = np.arange(200.0)
    assert tail_membership(distinct, distinct).sum() == pytest.approx(20)
    with pytest.raises(UsageError, match="between 0 and half"):
        tail_membership(distinct, distinct, tail=0.6)


def test_cosines_over_shared_readouts() -> None:
    generator = np.random.default_rng(5)
    values, known = generator.normal(size=(3, 8)), generator.random((3, 8)) < 0.7
    both = known[0] & known[1]
    a, b = values[0][both], values[1][both]
    assert shared_cosines(values, known)[0, 1] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    assert shared_cosines(np.zeros((2, 3)), np.ones((2, 3), bool)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_what_is_retained() -> None:
    generator = np.random.default_rng(6)
    pairs = np.stack([np.arange(40), np.arange(40) + 1], axis=1) % 41
    measured = np.full(40, 0.5)
    assert retained(np.full(40, 0.3), measured, pairs, 41, generator).value == pytest.approx(0.5)
    assert retained(measured, measured, pairs, 41, generator).low == pytest.approx(1.0)
    assert resampled_mean(measured, pairs, 41, generator).high == pytest.approx(0.5)
    assert np.isnan(retained(np.zeros(0), np.zeros(0), np.zeros((0, 2), int), 41, generator).value)


def test_own_relations_are_refused_unless_forced() -> None:
    refuse_own({"StringDB"}, {"HuMAP"})
    refuse_own({"StringDB"}, {"StringDB"}, forced=True)
    with pytest.raises(UsageError, match="own graph holds StringDB"):
        refuse_own({"StringDB", "HuMAP"}, {"StringDB"})
