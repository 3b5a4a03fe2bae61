from __future__ import annotations

import numpy as np
import pytest

from hooke.core.label import Label
from hooke.evaluate.metrics import evaluate
from hooke.evaluate.streaming import BINS, STREAMED, StreamedMetrics

LABELS = (
    Label("energy"),
    Label("active", kind="binary"),
    Label("class", kind="multiclass", classes=3),
    Label("shifted"),
    Label("never"),
    Label("one_class", kind="binary"),
)


def data(rows: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    true = np.column_stack(
        [
            generator.normal(size=rows),
            generator.integers(0, 2, rows),
            generator.integers(0, 3, rows),
            1e6 + generator.normal(size=rows),
            np.full(rows, np.nan),
            np.ones(rows),
        ]
    ).astype(float)
    predicted = true + generator.normal(size=true.shape)
    probability = generator.integers(0, BINS, rows) / BINS + 0.5 / BINS
    predicted[:, 1] = np.where(generator.random(rows) < 0.3, true[:, 1] * 0.5 + 0.25, probability)
    predicted[:, 2] = np.where(generator.random(rows) < 0.7, true[:, 2], 0)
    predicted[:, 5] = probability
    true[generator.random(true.shape) < 0.4] = np.nan
    return predicted, true


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("censored", [False, True])
def test_equals_all_at_once(size: int, censored: bool) -> None:
    predicted, true = data()
    bounds = np.zeros(true.shape, np.int8)
    if censored:
        bounds[:, [0, 3]] = np.random.default_rng(1).integers(-1, 2, (len(true), 2))
    streamed = StreamedMetrics(LABELS)
    for start in range(0, len(true), size):
        some = slice(start, start + size)
        streamed.update(predicted[some], true[some], bounds[some] if censored else None)
    found, expected = streamed.result(), evaluate(predicted, true, LABELS, bounds)
    for label in LABELS:
        for name, value in expected[label.name].items():
            if name in STREAMED:
                assert found[label.name][name] == pytest.approx(value, rel=1e-9, nan_ok=True), (label.name, name)
    assert "spearman" not in found["energy"]


def test_nothing_seen_is_not_a_number() -> None:
    assert all(np.isnan(value) for metrics in StreamedMetrics(LABELS).result().values() for value in metrics.values())


def test_thousands_of_labels_at_once() -> None:
    labels = [Label(f"assay{place}", kind="binary") for place in range(600)]
    generator = np.random.default_rng(1)
    true = generator.integers(0, 2, (50, 600)).astype(float)
    predicted = generator.random((50, 600))
    streamed = StreamedMetrics(labels)
    streamed.update(predicted, true)
    found, expected = streamed.result(), evaluate(predicted, true, labels)
    close = [found[label.name]["roc_auc"] - expected[label.name]["roc_auc"] for label in labels]
    assert np.abs(close).max() < 0.01  # scores within one bin of 1/4096 count as tied
