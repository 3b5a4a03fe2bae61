from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.cells.conftest import noise

from hooke.evaluate.metric_range import (
    CONTROL,
    DUPLICATE,
    INTERPOLATED,
    MEAN,
    additive,
    draws_of,
    leave_one_out,
    metric_ranges,
    normalised,
)
from hooke.evaluate.response import METRICS

BLIND = ("pearson_delta", "mse", "weighted_mse", "discrimination", "pearson_centroid")


def test_on_noise_metrics_are_blind_and_with_effects_they_see() -> None:
    without = {each.metric: each for each in metric_ranges(noise(0), draws=4)[0]}
    assert all(without[name].blind for name in BLIND)
    with_effects = {each.metric: each for each in metric_ranges(noise(0, effect=0.5), draws=4)[0]}
    assert set(with_effects) == set(METRICS)
    assert not any(each.blind for each in with_effects.values())
    assert with_effects["discrimination"].scores[DUPLICATE] == 1
    assert with_effects["pearson_delta"].undefined[CONTROL] == 20
    assert np.isnan(with_effects["pearson_delta"].scores[CONTROL])


def test_the_fraction_is_about_the_mean_or_the_control() -> None:
    ranges = {each.metric: each for each in metric_ranges(noise(0, effect=0.3), draws=3)[0]}
    for name, zero in (("mse", MEAN), ("pearson_centroid", CONTROL)):
        found = ranges[name]
        scores = found.scores
        assert found.fraction == pytest.approx((scores[DUPLICATE] - scores[zero]) / (found.perfect - scores[zero]))
    assert normalised(-3.0, 0.5, 1.0) == -7.0
    assert np.isnan(normalised(1.0, 1.0, 1.0))


def test_the_interpolated_duplicate_lies_between_mean_and_duplicate() -> None:
    draw = next(draws_of(noise(0, effect=0.3), 1, np.random.default_rng(0)))
    found = draw.predictions()
    low, high = np.minimum(found[MEAN], found[DUPLICATE]), np.maximum(found[MEAN], found[DUPLICATE])
    assert ((found[INTERPOLATED] >= low - 1e-12) & (found[INTERPOLATED] <= high + 1e-12)).all()


def test_truth_and_predictions_share_no_cell_and_no_control() -> None:
    """What is added to the seen halves changes no truth, and the other way round."""
    parts = noise(0, perturbations=5, controls=192, genes=30)
    draw = next(draws_of(parts, 1, np.random.default_rng(0)))
    total = parts.perturbed.sum(axis=1)
    assert np.allclose(
        draw.seen * draw.halves.counts[0][:, None] + draw.target.truth * draw.halves.counts[1][:, None], total
    )
    assert np.allclose((draw.reference[0] + draw.target.truth_control[0]) * 96, parts.controls[0].sum(axis=0))


def test_coarse_squares_give_the_two_fixed_draws() -> None:
    parts = noise(0, perturbations=6, controls=192, genes=40, effect=0.4)
    coarse = replace(
        parts,
        squares=parts.squares.reshape(6, 2, 8, 40).sum(axis=2),
        control_squares=parts.control_squares.reshape(1, 2, 32, 40).sum(axis=2),
    )
    first, second = draws_of(coarse, 20, np.random.default_rng(0))
    assert np.allclose(first.seen, second.target.truth)
    assert np.allclose(first.seen, parts.perturbed[:, :8].sum(axis=1) / parts.counts[:, :8].sum(axis=1, keepdims=True))
    cells = parts.counts[:, :8].sum(axis=1)[:, None]
    variance = (parts.squares[:, :8].sum(axis=1) - cells * first.seen**2) / (cells - 1)
    control = parts.controls[0, :32].sum(axis=0) / 96
    control_variance = (parts.control_squares[0, :32].sum(axis=0) - 96 * control**2) / 95
    t = (first.seen - control) / np.sqrt(variance / cells + control_variance / 96)
    assert np.allclose(first.test.statistic, t)


def test_leave_one_out_means() -> None:
    deltas = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 9.0], [np.nan, np.nan]])
    assert leave_one_out(deltas)[:3].tolist() == [[4.0, 6.5], [3.0, 5.5], [2.0, 3.0]]
    assert leave_one_out(deltas)[3].tolist() == [3.0, 5.0]
    assert np.isnan(leave_one_out(deltas[:1])).all()


def test_a_shared_control_flatters_the_sum_of_singles() -> None:
    """Without any effect the disjoint score is zero, the one with a shared control is not; planted sums are found."""
    parts = noise(0, perturbations=30, cells=60, controls=60, genes=300)
    doubles = [(place, place + 1, place + 2) for place in range(0, 30, 3)]
    found = additive(parts, doubles, draws=10)
    assert abs(found.disjoint.mean()) < 0.1
    assert found.shared.mean() > 0.3
    strong = noise(0, perturbations=30, cells=60, controls=60, genes=300, effect=1.0)
    perturbed = strong.perturbed.copy()
    both, first, second = np.array(doubles).T
    perturbed[both] = strong.perturbed[first] + strong.perturbed[second]
    planted = additive(replace(strong, perturbed=perturbed), doubles, draws=10)
    assert (planted.disjoint > 0.9).all()


def test_saturation_is_one_where_the_mean_is_as_good_as_a_duplicate() -> None:
    parts = noise(0, perturbations=12, genes=200)
    common = np.random.default_rng(1).normal(size=200)
    shared = replace(parts, perturbed=parts.perturbed + parts.counts[..., None] * common)
    assert (metric_ranges(shared, draws=3)[1] > 0.8).all()
    own = noise(0, perturbations=12, genes=200, effect=1.0)
    assert (metric_ranges(own, draws=3)[1] < 0.3).all()
