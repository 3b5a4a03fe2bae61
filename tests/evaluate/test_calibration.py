"""Reliability and coverage."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.evaluate.calibration import coverage, coverage_curve, reliability, set_coverage


def test_a_calibrated_model_has_a_small_error_and_an_overconfident_one_a_large() -> None:
    generator = np.random.default_rng(0)
    probability = generator.random(5000)
    true = (generator.random(5000) < probability).astype(float)
    good = reliability(probability, true)
    assert good.expected_error < 0.03
    assert good.count.sum() == 5000
    assert reliability(np.where(probability > 0.5, 0.99, 0.01), true).expected_error > 0.15


def test_missing_rows_are_left_out() -> None:
    found = reliability(np.array([0.2, 0.8, 0.5]), np.array([0.0, 1.0, np.nan]), bins=2)
    assert found.count.tolist() == [1, 1]
    assert found.expected_error == pytest.approx(0.2)


def test_coverage() -> None:
    assert coverage(np.zeros(4), np.ones(4), np.array([0.5, 2, 0, np.nan])) == pytest.approx(2 / 3)
    assert np.isnan(coverage(np.zeros(1), np.ones(1), np.array([np.nan])))
    curve = coverage_curve(np.arange(1.0, 100), np.arange(1.0, 100), np.array([0.1, 0.5, 0.999]))
    np.testing.assert_allclose(curve, [0.1, 0.5, 1.0], atol=0.02)


def test_a_right_spread_is_calibrated_and_a_wrong_one_is_not() -> None:
    from hooke.evaluate.calibration import spread_calibration

    generator = np.random.default_rng(0)
    std = generator.uniform(0.5, 2, size=4000)
    true = std * generator.normal(size=4000)
    right = spread_calibration(np.zeros(4000), std, true)
    assert right.ence < 0.06
    assert right.miscalibration_area < 0.02
    sure = spread_calibration(np.zeros(4000), std / 3, true)
    assert sure.ence == pytest.approx(2.0, abs=0.2)  # |s/3 - s| / (s/3)
    assert sure.miscalibration_area > 0.2
    assert (sure.reached[5:95] < sure.wanted[5:95]).all()


def test_no_stated_spread_has_no_normalised_error() -> None:
    from hooke.evaluate.calibration import spread_calibration

    found = spread_calibration(np.zeros(20), np.zeros(20), np.ones(20))
    assert np.isnan(found.ence)
    assert found.miscalibration_area == pytest.approx(0.5, abs=0.01)
    assert spread_calibration(np.zeros(3), np.ones(3), np.full(3, np.nan)).count == 0


def test_coverage_and_size_of_sets() -> None:
    contained = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 1, 1], [1, 0, 0]], bool)
    found = set_coverage(contained, np.array([0.0, 1, 2, np.nan, 2]))
    assert (found.reached.value, found.mean_size, found.empty, found.count) == (0.5, 1.0, 0.25, 4)
    centre, half = 0.5, 1.959964 * np.sqrt(0.25 / 4 + 1.959964**2 / (4 * 16)) / (1 + 1.959964**2 / 4)
    assert (found.reached.low, found.reached.high) == pytest.approx((centre - half, centre + half))
    assert set_coverage(contained[:1], np.array([np.nan])).count == 0
