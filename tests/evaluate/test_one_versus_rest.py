"""Rankings of ordered classes against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from hooke.core.label import Label
from hooke.evaluate.metrics import evaluate
from hooke.evaluate.one_versus_rest import class_columns, class_labels, macro
from hooke.evaluate.streaming import StreamedMetrics

LABELS = [
    Label("v"),
    Label("o", kind="ordinal", classes=4),
    Label("b", kind="binary"),
    Label("p", kind="ordinal", classes=3),
]


@pytest.mark.parametrize("streamed", [False, True])
def test_the_mean_over_classes_equals_that_of_scikit_learn(streamed: bool) -> None:
    generator = np.random.default_rng(0)
    true = np.stack(
        [
            generator.normal(size=300),
            generator.integers(0, 3, 300),
            generator.integers(0, 2, 300),
            generator.integers(0, 3, 300),
        ],
        1,
    )
    true[:40, 1] = np.nan  # class 3 of "o" does not occur
    columns = generator.dirichlet(np.ones(9), 300)
    probabilities, classes = class_columns(columns, true, LABELS)
    assert probabilities.shape == classes.shape == (300, 7)
    assert [label.name for label in class_labels(LABELS)] == ["o[0]", "o[1]", "o[2]", "o[3]", "p[0]", "p[1]", "p[2]"]
    if streamed:
        metrics = StreamedMetrics(class_labels(LABELS), bins=4096)
        for rows in np.array_split(np.arange(300), 4):
            metrics.update(*class_columns(columns[rows], true[rows], LABELS))
        found = macro(metrics.result(), LABELS)
    else:
        found = macro(evaluate(probabilities, classes, class_labels(LABELS)), LABELS)
    assert set(found) == {"o", "p"}
    for name, start, count, place, rows in (("o", 1, 3, 1, slice(40, 300)), ("p", 6, 3, 3, slice(0, 300))):
        for metric, score in (("macro_roc_auc", roc_auc_score), ("macro_average_precision", average_precision_score)):
            expected = np.mean(
                [score(true[rows, place] == number, columns[rows, start + number]) for number in range(count)]
            )
            assert found[name][metric] == pytest.approx(expected, abs=2e-3 if streamed else 1e-12)


def test_nothing_measured_has_no_ranking() -> None:
    label = [Label("o", kind="ordinal", classes=2)]
    found = macro(
        evaluate(*class_columns(np.ones((3, 2)) / 2, np.full((3, 1), np.nan), label), class_labels(label)), label
    )
    assert np.isnan(found["o"]["macro_roc_auc"])
