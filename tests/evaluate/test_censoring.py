from __future__ import annotations

import numpy as np
import pytest

from hooke.core.label import Label
from hooke.evaluate.bootstrap import bootstrap, paired_bootstrap
from hooke.evaluate.censoring import count, exact, nearest_truth
from hooke.evaluate.metrics import METRICS, evaluate

TRUE = np.array([1.0, 10.0, 10.0, 0.5, 0.5, np.nan])
BOUNDS = np.array([0, 1, 1, -1, -1, 0], np.int8)  # 1, >10, >10, <0.5, <0.5, not measured
PREDICTED = np.array([2.0, 50.0, 7.0, 0.1, 4.5, 3.0])
ERRORS = np.array([1.0, 0.0, 3.0, 0.0, 4.0])


def test_a_fulfilled_bound_costs_nothing() -> None:
    assert nearest_truth(PREDICTED, TRUE, BOUNDS)[:5].tolist() == [1.0, 50.0, 10.0, 0.1, 0.5]
    assert np.abs(PREDICTED - nearest_truth(PREDICTED, TRUE, BOUNDS))[:5].tolist() == ERRORS.tolist()
    assert np.isnan(nearest_truth(PREDICTED, TRUE, BOUNDS)[5])
    assert nearest_truth(PREDICTED, TRUE, None) is TRUE


def test_exact_labels_and_counts() -> None:
    assert np.isnan(exact(TRUE, BOUNDS)).tolist() == [False, True, True, True, True, True]
    assert exact(TRUE, None) is TRUE
    assert count(TRUE[:, None], BOUNDS[:, None]).tolist() == [4]
    assert count(TRUE[:, None], None).tolist() == [0]


def test_errors_are_one_sided_and_correlations_those_of_exact_labels() -> None:
    generator = np.random.default_rng(0)
    true = generator.normal(size=(60, 1))
    predicted = true + 0.5 * generator.normal(size=(60, 1))
    bounds = np.where(true > 0.3, 1, 0).astype(np.int8)
    seen = np.where(bounds > 0, 0.3, true)
    found = evaluate(predicted, seen, [Label("y")], bounds)["y"]
    error = np.where(bounds > 0, np.minimum(predicted - 0.3, 0), predicted - true)
    assert found["mae"] == pytest.approx(np.abs(error).mean())
    assert found["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    kept = bounds[:, 0] == 0
    for name in ("r2", "pearson", "spearman"):
        assert found[name] == pytest.approx(METRICS[name].function(predicted[kept], true[kept])[0])
    assert evaluate(predicted, true, [Label("y")], np.zeros_like(bounds)) == evaluate(predicted, true, [Label("y")])


def test_intervals_and_paired_differences_know_bounds() -> None:
    generator = np.random.default_rng(0)
    true, bounds = np.full(40, 10.0), np.ones(40, np.int8)
    above, below = 10 + generator.random(40), 10 - 2 * np.ones(40)
    perfect = bootstrap(METRICS["rmse"], above, true, bounds, generator=generator)
    assert (perfect.value, perfect.low, perfect.high) == (0, 0, 0)
    difference = paired_bootstrap(METRICS["rmse"], above, below, true, bounds, generator=generator)
    assert (difference.value, difference.low, difference.high) == (-2, -2, -2)
    assert np.isnan(bootstrap(METRICS["spearman"], above, true, bounds, generator=generator).value)
