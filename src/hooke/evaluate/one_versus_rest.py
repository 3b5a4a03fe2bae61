"""ROC-AUC and average precision of ordered classes: each class against all others, and the mean over classes ("macro").

A class without a positive or without a negative row has neither and is left out of the mean.

Source: the metrics of Graphium's tables for L1000 (torchmetrics' multi-class AUROC and average precision, average="macro").
Differs from torchmetrics: there the AUROC of a class that does not occur counts as 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hooke.core.label import Label

RANKING = ("roc_auc", "average_precision")
PREFIX = "macro_"


def class_labels(labels: Sequence[Label]) -> list[Label]:
    """One binary label for each class of each ordinal label."""
    return [
        Label(f"{label.name}[{number}]", kind="binary")
        for label in labels
        if label.kind == "ordinal"
        for number in range(label.classes)
    ]


def class_columns(columns: np.ndarray, true: np.ndarray, labels: Sequence[Label]) -> tuple[np.ndarray, np.ndarray]:
    """(N, classes of all ordinal labels) probabilities, and whether each class is the true one, NaN = not measured.

    Args:
        columns: (N, predicted columns) of all labels.
        true: (N, T) of the labels, NaN = not measured.
        labels: Of width 1.
    """
    probabilities, truths, start = [np.zeros((len(true), 0))], [np.zeros((len(true), 0))], 0
    for place, label in enumerate(labels):
        if label.kind == "ordinal":
            value = true[:, place, None].astype(np.float64)
            probabilities.append(columns[:, start : start + label.classes])
            truths.append(np.where(np.isnan(value), np.nan, value == np.arange(label.classes)))
        start += label.columns
    return np.concatenate(probabilities, axis=1), np.concatenate(truths, axis=1)


def macro(found: Mapping[str, Mapping[str, float]], labels: Sequence[Label]) -> dict[str, dict[str, float]]:
    """Ordinal label → "macro_roc_auc" and "macro_average_precision", NaN where no class has one.

    Args:
        found: Label of a class (`class_labels`) → metric → value.
        labels: Of the columns.
    """
    means: dict[str, dict[str, float]] = {}
    for label in labels:
        if label.kind != "ordinal":
            continue
        of_classes = [found[f"{label.name}[{number}]"] for number in range(label.classes)]
        ranked = [values for values in of_classes if np.isfinite(values["roc_auc"])]
        means[label.name] = {
            f"{PREFIX}{metric}": float(np.mean([values[metric] for values in ranked])) if ranked else float("nan")
            for metric in RANKING
        }
    return means
