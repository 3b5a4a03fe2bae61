"""Metrics of many labels in a few numbers, as published tables have them: means over the labels of each table and level.

Errors of labels with different units have no mean. They are divided by the standard deviation of each label's training measurements first
("normalised"), which is the scale on which such labels are learnt and on which Graphium reports its errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hooke.core.label import Label

ERRORS = ("mae", "rmse")
EVERY = "all"  # tables of a level together
NORMALISED = "normalised_"  # before the name of an error
Metrics = Mapping[str, Mapping[str, float]]


def normalised(found: Metrics, deviations: Mapping[str, float]) -> dict[str, dict[str, float]]:
    """Label → its errors in standard deviations of its training measurements; labels without errors are left out.

    Args:
        found: Label → metric → value.
        deviations: Label → standard deviation.
    """
    return {
        name: {metric: values[metric] / deviations[name] for metric in ERRORS if metric in values}
        for name, values in found.items()
        if name in deviations and any(metric in values for metric in ERRORS)
    }


def label_means(
    found: Metrics, labels: Sequence[Label], deviations: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Table → metric → mean over its labels for which the metric is defined, and "labels", their number; {} for a single label.

    Args:
        found: Label → metric → value.
        labels: Of one level.
        deviations: Label → standard deviation of its training measurements.
    """
    tables: dict[str, list[str]] = {}
    for label in labels:
        if label.name in found:
            tables.setdefault(label.source or EVERY, []).append(label.name)
    if sum(map(len, tables.values())) < 2:
        return {}
    if len(tables) > 1:
        tables[EVERY] = [name for names in tables.values() for name in names]
    scaled = normalised(found, deviations)
    means: dict[str, dict[str, float]] = {}
    for table, names in tables.items():
        values: dict[str, list[float]] = {}
        for name in names:
            own = {metric: value for metric, value in found[name].items() if metric not in ERRORS}
            own |= {f"{NORMALISED}{metric}": value for metric, value in scaled.get(name, {}).items()}
            for metric, value in own.items():
                values.setdefault(metric, []).append(value)
        means[table] = {"labels": float(len(names))} | {metric: _mean(some) for metric, some in values.items()}
    return means


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
