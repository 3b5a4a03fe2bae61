"""Coverage and average minimum RMSD, against loops and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.evaluate.conformers import ensemble_scores, summarise


def test_scores_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(0)
    distances, limits = rng.random((5, 9)), (0.05, 0.2, 0.8)
    found = ensemble_scores(distances, limits, missing=3)
    for place, limit in enumerate(limits):
        covered = [any(distances[i, j] <= limit for j in range(9)) for i in range(5)]
        near = [any(distances[i, j] <= limit for i in range(5)) for j in range(9)]
        assert found.coverage_recall[place] == sum(covered) / 5
        assert found.coverage_precision[place] == sum(near) / 12  # the three that are missing are not near
    assert found.recall == pytest.approx(sum(min(row) for row in distances) / 5)
    assert found.precision == pytest.approx(sum(min(column) for column in distances.T) / 9)


def test_exchanging_the_roles_exchanges_recall_and_precision() -> None:
    distances = np.random.default_rng(1).random((4, 6))
    one, other = ensemble_scores(distances), ensemble_scores(distances.T)
    assert (one.recall, one.precision) == (other.precision, other.recall)
    np.testing.assert_array_equal(one.coverage_recall, other.coverage_precision)


def test_molecules_without_samples_count_as_not_covered_and_are_counted() -> None:
    full = ensemble_scores(np.full((2, 2), 0.1), (0.5,))
    found = summarise([full, ensemble_scores(np.zeros((3, 0)), (0.5,))], (0.5,))
    assert (found.molecules, found.without) == (2, 1)
    assert found.coverage_recall[0].value == 0.5
    assert found.recall.value == pytest.approx(0.1)
    nothing = summarise([ensemble_scores(np.zeros((3, 0)), (0.5,))], (0.5,))
    assert np.isnan(nothing.recall.value)
    assert np.isnan(nothing.medians["recall"])
    with pytest.raises(ValueError, match="reference"):
        ensemble_scores(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="molecule"):
        summarise([])


def test_intervals_cover_the_mean_as_often_as_they_say() -> None:
    rng, covered = np.random.default_rng(2), 0
    for trial in range(40):
        scores = [
            ensemble_scores(np.full((1, 1), value), (1.0,)) for value in rng.exponential(size=30)
        ]  # by the t distribution
        interval = summarise(scores, (1.0,), seed=trial).recall
        covered += interval.low <= 1 <= interval.high
    assert 32 <= covered <= 40
    many = summarise(
        [ensemble_scores(np.full((1, 1), value), (1.0,)) for value in rng.exponential(size=400)], (1.0,)
    ).recall
    assert many.high - many.low == pytest.approx(4 / 20, abs=0.04)  # by resampling: ± 1.96 / √400
