"""Intervals: coverage by simulation, determinism, and the edge cases."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.evaluate.bootstrap import Interval, bootstrap, paired_bootstrap, paired_difference
from hooke.evaluate.metrics import METRICS


def test_intervals_hold_the_value_and_repeat() -> None:
    generator = np.random.default_rng(0)
    true = generator.normal(size=80)
    predicted = true + generator.normal(size=80)
    first = bootstrap(METRICS["rmse"], predicted, true, generator=np.random.default_rng(1))
    again = bootstrap(METRICS["rmse"], predicted, true, generator=np.random.default_rng(1))
    assert first == again
    assert first.low < first.value < first.high
    assert first.value == pytest.approx(np.sqrt(np.mean((predicted - true) ** 2)))


def test_coverage_of_the_interval() -> None:
    generator = np.random.default_rng(2)
    hits = 0
    for _ in range(100):
        error = generator.normal(size=60)
        found = bootstrap(METRICS["mae"], error, np.zeros(60), generator=generator, resamples=200)
        hits += found.low <= np.sqrt(2 / np.pi) <= found.high
    assert 85 <= hits <= 100


def test_too_little_is_not_known() -> None:
    found = bootstrap(
        METRICS["roc_auc"], np.array([0.1, 0.2]), np.array([1.0, 1.0]), generator=np.random.default_rng(0)
    )
    assert np.isnan([found.value, found.low, found.high]).all()
    nothing = bootstrap(METRICS["mae"], np.array([1.0]), np.array([np.nan]), generator=np.random.default_rng(0))
    assert np.isnan(nothing.value)
    assert not nothing.decided


def test_paired_difference_by_t_and_by_bootstrap() -> None:
    few = paired_difference(np.array([0.9, 1.0, 1.1]), generator=np.random.default_rng(0))
    assert few.value == pytest.approx(1)
    assert (few.low, few.high) == pytest.approx((1 - 0.2484, 1 + 0.2484), abs=1e-3)  # t(0.975, 2) = 4.303
    assert few.decided
    many = paired_difference(np.random.default_rng(1).normal(0.0, 1, 200), generator=np.random.default_rng(0))
    assert many.low < 0 < many.high
    assert not many.decided
    assert np.isnan(paired_difference(np.array([1.0]), generator=np.random.default_rng(0)).low)


def test_paired_bootstrap_sees_a_consistent_gain() -> None:
    generator = np.random.default_rng(3)
    true = generator.normal(size=100)
    shared = generator.normal(size=100)
    better, worse = true + 0.5 * shared, true + 0.6 * shared
    found = paired_bootstrap(METRICS["rmse"], better, worse, true, generator=generator)
    assert found.high < 0
    assert Interval(0.0, -1.0, 1.0).decided is False
