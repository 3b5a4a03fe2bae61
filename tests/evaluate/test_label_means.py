"""Means over labels of each table, and errors in standard deviations."""

from __future__ import annotations

import pytest

from hooke.core.label import Label
from hooke.evaluate.label_means import label_means, normalised

NAN = float("nan")
FOUND = {
    "q/a": {"mae": 2.0, "rmse": 4.0, "r2": 0.5},
    "q/b": {"mae": 30.0, "rmse": 50.0, "r2": NAN},
    "t/x": {"roc_auc": 0.75, "accuracy": 1.0},
}
LABELS = [
    Label("q/a", source="q"),
    Label("q/b", source="q"),
    Label("t/x", kind="binary", source="t"),
    Label("gone", source="q"),
]
DEVIATIONS = {"q/a": 4.0, "q/b": 10.0}


def test_errors_are_divided_before_they_are_averaged() -> None:
    assert normalised(FOUND, DEVIATIONS) == {"q/a": {"mae": 0.5, "rmse": 1.0}, "q/b": {"mae": 3.0, "rmse": 5.0}}
    means = label_means(FOUND, LABELS, DEVIATIONS)
    assert means["q"] == {"labels": 2, "r2": 0.5, "normalised_mae": 1.75, "normalised_rmse": 3.0}
    assert means["t"] == {"labels": 1, "roc_auc": 0.75, "accuracy": 1.0}
    assert means["all"] == {
        "labels": 3,
        "r2": 0.5,
        "normalised_mae": 1.75,
        "normalised_rmse": 3.0,
        "roc_auc": 0.75,
        "accuracy": 1.0,
    }


def test_one_label_has_no_mean_and_labels_without_a_table_are_all() -> None:
    assert label_means({"q/a": FOUND["q/a"]}, LABELS, DEVIATIONS) == {}
    plain = label_means({"a": {"r2": NAN}, "b": {"r2": NAN}}, [Label("a"), Label("b")], {})
    assert list(plain) == ["all"]
    assert plain["all"]["r2"] == pytest.approx(NAN, nan_ok=True)
