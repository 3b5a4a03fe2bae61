"""Reliability and coverage."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.evaluate.calibration import coverage, coverage_curve, reliability


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
