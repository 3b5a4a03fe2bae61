"""Conformal calibration: exact quantiles, marginal coverage, edge cases."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from hooke.core.json_text import json_text
from hooke.evaluate.conformal import calibrate_interval, calibrate_set, calibration_from_json, missing


def test_coverage_holds_on_fresh_rows() -> None:
    generator = np.random.default_rng(0)
    reached = []
    for _ in range(60):
        spread = generator.uniform(0.5, 2, 300)
        true = generator.normal(size=300) * spread
        fitted = calibrate_interval(np.zeros(100), spread[:100], true[:100], level=0.8)
        low, high = fitted.interval(np.zeros(200), spread[100:])
        reached.append(np.mean((true[100:] >= low) & (true[100:] <= high)))
    assert 0.78 < np.mean(reached) < 0.84


def test_the_quantile_is_the_exact_order_statistic() -> None:
    true = np.arange(1.0, 10)  # nine errors 1 ... 9, median 5
    fitted = calibrate_interval(np.zeros(9), np.zeros(9), true, level=0.8)
    assert fitted.floor == 5
    assert fitted.quantile == 8 / 5  # ceil(10 * 0.8) = 8th smallest
    low, high = fitted.interval(np.array([1.0]), np.array([0.0]))
    assert (low[0], high[0]) == (-7, 9)


def test_too_few_rows_give_no_finite_promise() -> None:
    fitted = calibrate_interval(np.zeros(3), np.zeros(3), np.array([1.0, 2.0, np.nan]), level=0.9)
    assert fitted.quantile == float("inf")
    assert fitted.count == 2
    assert calibrate_interval(np.zeros(1), np.zeros(1), np.array([np.nan])).count == 0
    for logarithms in (False, True):
        none = replace(fitted, logarithms=logarithms)
        assert np.isnan(none.interval(np.array([1.0, 2.0]), np.array([0.0, 0.1]))).all()
    assert fitted.missing == "no intervals at 90%: 2 exact measurements to calibrate on, 9 are needed"


def test_what_is_missing_is_said_for_each_label_without_it() -> None:
    """From nine rows on there are intervals and sets at 90 %; the fewest rows are those of the order statistic."""
    true = np.arange(1.0, 10)
    enough, few = calibrate_interval(np.zeros(9), np.zeros(9), true), calibrate_set(np.full((8, 2), 0.5), np.zeros(8))
    assert few.contains(np.array([[0.0, 1.0]])).all()
    assert missing({"a": enough, "b": few}, ["a", "b", "c"]) == {
        "b": "every class is in the set at 90%: 8 exact measurements to calibrate on, 9 are needed",
        "c": "neither intervals nor sets: no validation rows to calibrate on",
    }
    for count in range(1, 30):
        for level in (0.5, 0.8, 0.9, 0.95):
            fitted = calibrate_interval(np.zeros(count), np.zeros(count), np.arange(1.0, count + 1), level=level)
            assert bool(fitted.missing) == np.isinf(fitted.quantile)


def test_sets_cover_and_shrink_with_certainty() -> None:
    generator = np.random.default_rng(1)
    probability = generator.uniform(0, 1, 2000)
    true = (generator.random(2000) < probability).astype(float)
    table = np.stack([1 - probability, probability], axis=1)
    fitted = calibrate_set(table[:1000], true[:1000], level=0.9)
    inside = fitted.contains(table[1000:])
    covered = inside[np.arange(1000), true[1000:].astype(int)].mean()
    assert 0.87 < covered < 0.94
    assert inside.sum(axis=1).min() >= 0
    assert calibrate_set(table[:2], true[:2]).threshold == 0.0
    assert set(fitted.to_json()) == {"threshold", "level", "count"}


def test_equal_probabilities_stay_equal() -> None:
    """Votes of 200 trees: the sets of the calibration rows themselves hold the truth as often as wanted, whatever the rounding."""
    for votes in range(1, 200):
        probabilities = np.tile([votes / 200, 1 - votes / 200], (40, 1))
        found = calibrate_set(probabilities, np.zeros(40))
        assert found.contains(probabilities)[:, 0].all()


@pytest.mark.parametrize(("members", "rows"), [(5, 2000), (1, 2000), (5, 30)])
def test_the_calibrated_standard_deviation_covers_what_it_says(members: int, rows: int) -> None:
    """Members that agree far too well, as ensembles on small assays do: nominal 95 % of their own spread hold a fifth of the truth."""
    generator = np.random.default_rng(0)
    covered, own = [], []
    for _ in range(1 if rows > 100 else 40):
        noise = generator.uniform(0.5, 1.5, (2, rows))
        std = 0.1 * noise * generator.uniform(0.7, 1.3, (2, rows)) if members > 1 else np.zeros((2, rows))
        mean, true = np.zeros((2, rows)), noise * generator.normal(size=(2, rows))
        deviation = calibrate_interval(mean[0], std[0], true[0]).deviation(mean[1], std[1])
        assert deviation is not None
        covered.append(np.mean(np.abs(true[1]) <= 1.96 * deviation))
        own.append(np.mean(np.abs(true[1]) <= 1.96 * std[1]))
    assert 0.92 <= np.mean(covered) <= 0.97
    assert np.mean(own) < 0.25


def test_too_few_rows_calibrate_no_standard_deviation() -> None:
    few = calibrate_interval(np.zeros(6), np.ones(6), np.array([1.0, 2, 3, 4, np.nan, np.nan]))
    assert (few.count, few.scale, few.deviation(np.ones(2), np.ones(2))) == (4, None, None)
    for unit in (1e-30, 1.0):  # all errors 0 but one: no absolute floor
        fitted = calibrate_interval(np.zeros(9), np.zeros(9), unit * np.eye(9)[0], level=0.5)
        assert fitted.deviation(np.zeros(1), np.zeros(1)) == pytest.approx(unit / 3)


def test_calibrations_come_back_from_json() -> None:
    mean, std, true = np.zeros(3), np.ones(3), np.array([0.5, -1.0, 2.0])
    for kind, fitted in (
        ("interval", calibrate_interval(mean, std, true)),
        ("set", calibrate_set(np.full((3, 2), 0.5), np.array([0.0, 1.0, 1.0]))),
    ):
        assert calibration_from_json(json.loads(json_text({"kind": kind, **fitted.to_json()}))) == fitted
    assert np.isinf(calibrate_interval(mean, std, true).quantile)


def test_intervals_of_logarithms() -> None:
    """Those of the logarithms, as factors: the same rows are covered, and no bound is negative."""
    generator = np.random.default_rng(0)
    true = np.exp(generator.normal(size=500))
    mean, std = true * np.exp(0.3 * generator.normal(size=500)), np.full(500, 0.1)
    fitted = calibrate_interval(mean, std * mean, true, logarithms=True)
    plain = calibrate_interval(np.log(mean), std, np.log(true))
    assert (fitted.quantile, fitted.floor, fitted.scale) == pytest.approx((plain.quantile, plain.floor, plain.scale))
    np.testing.assert_allclose(np.log(fitted.interval(mean, std * mean)), plain.interval(np.log(mean), std))
    assert fitted.interval(mean, std * mean)[0].min() > 0
    deviation = fitted.deviation(mean, std * mean)
    assert deviation is not None
    np.testing.assert_allclose(deviation, mean * plain.deviation(np.log(mean), std))
    assert calibration_from_json({"kind": "interval", **fitted.to_json()}) == fitted
