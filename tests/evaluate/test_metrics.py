"""Metrics against scikit-learn and scipy, column by column, with ties and missing values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as reference

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.evaluate.metrics import METRICS, PRIMARY, evaluate, metric


def data_of(seed: int, *, binary: bool) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    predicted = generator.random((60, 4)).round(1)  # many ties
    true = (generator.random((60, 4)) < 0.4).astype(float) if binary else generator.normal(size=(60, 4)).round(1)
    true[generator.random((60, 4)) < 0.2] = np.nan
    return predicted, true


REGRESSION = {
    "mae": reference.mean_absolute_error,
    "rmse": reference.root_mean_squared_error,
    "r2": reference.r2_score,
    "pearson": lambda true, predicted: stats.pearsonr(true, predicted).statistic,
    "spearman": lambda true, predicted: stats.spearmanr(true, predicted).statistic,
}
BINARY = {
    "roc_auc": reference.roc_auc_score,
    "average_precision": reference.average_precision_score,
    "cross_entropy": lambda true, predicted: reference.log_loss(true, np.clip(predicted, 1e-7, 1 - 1e-7)),
    "accuracy": lambda true, predicted: reference.accuracy_score(true, predicted > 0.5),
}


@pytest.mark.parametrize("name", [*REGRESSION, *BINARY])
@pytest.mark.parametrize("seed", range(3))
def test_equal_to_the_reference(name: str, seed: int) -> None:
    predicted, true = data_of(seed, binary=name in BINARY)
    if name == "accuracy":
        predicted = np.clip(predicted, 0.05, 0.95)
    found = METRICS[name].function(predicted, true)
    function = {**REGRESSION, **BINARY}[name]
    for column in range(4):
        seen = ~np.isnan(true[:, column])
        expected = function(true[seen, column], predicted[seen, column])
        assert found[column] == pytest.approx(expected, abs=1e-10)


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_rank_metrics_ignore_monotone_changes(seed: int) -> None:
    predicted, true = data_of(seed, binary=True)
    for name in ("roc_auc", "average_precision"):
        function = METRICS[name].function
        np.testing.assert_allclose(function(predicted, true), function(np.exp(3 * predicted), true))
    np.testing.assert_allclose(
        METRICS["roc_auc"].function(-predicted, true), 1 - METRICS["roc_auc"].function(predicted, true)
    )


def test_what_is_not_defined_is_nan() -> None:
    predicted = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    true = np.array([[1.0, np.nan, 0.0], [1.0, np.nan, 1.0]])
    assert np.isnan(METRICS["roc_auc"].function(predicted, true)).tolist() == [True, True, False]
    assert np.isnan(METRICS["mae"].function(predicted, true)).tolist() == [False, True, False]
    assert np.isnan(METRICS["r2"].function(predicted, np.ones((2, 3)))).all()


def test_a_metric_must_fit_the_label() -> None:
    with pytest.raises(UsageError, match="does not fit the regression label 'y'"):
        metric("roc_auc", Label("y"))
    with pytest.raises(UnknownNameError, match="Did you mean 'rmse'"):
        metric("rmsee")
    assert metric("rmse", Label("y")).higher_is_better is False
    assert set(PRIMARY.values()) <= set(METRICS)


def test_evaluate_groups_by_kind() -> None:
    labels = [Label("y"), Label("b", kind="binary"), Label("c", kind="multiclass", classes=3)]
    predicted = np.array([[1.0, 0.9, 2.0], [2.0, 0.2, 1.0]])
    true = np.array([[1.0, 1.0, 2.0], [3.0, 0.0, 0.0]])
    found = evaluate(predicted, true, labels)
    assert found["y"]["mae"] == 0.5
    assert found["b"]["roc_auc"] == 1
    assert found["c"] == {"accuracy": 0.5}


def test_thousands_of_columns_at_once() -> None:
    generator = np.random.default_rng(0)
    predicted, true = generator.random((50, 3000)), (generator.random((50, 3000)) < 0.5).astype(float)
    assert METRICS["roc_auc"].function(predicted, true).shape == (3000,)


def test_few_rows_tell_no_correlation() -> None:
    generator = np.random.default_rng(0)
    true = generator.normal(size=(10, 2))
    true[0, 1] = np.nan
    labels = [Label("ten"), Label("nine")]
    found = evaluate(true + 0.1, true, labels)
    for name in ("r2", "pearson", "spearman"):
        assert np.isfinite(found["ten"][name])
        assert np.isnan(found["nine"][name])
    assert found["nine"]["rmse"] == pytest.approx(0.1)
    censored = np.zeros((10, 2), np.int8)
    censored[3] = 1
    assert np.isnan(evaluate(true + 0.1, true, labels, censored)["ten"]["r2"])
