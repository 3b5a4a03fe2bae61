"""Censored labels: of ">10" it is known only that the truth is above 10.

`bounds` stands beside labels everywhere: 0 exact, +1 the truth is above the value, -1 below. An error is the distance to the nearest value
that the truth may have, so that a prediction which fulfils a bound has none; whatever needs the truth itself (R², correlations,
coverage of intervals) takes exact labels alone.

Source: Tobin 1958 (doi:10.2307/1907382) for labels known up to a limit.
"""

from __future__ import annotations

import numpy as np


def nearest_truth(predicted: np.ndarray, true: np.ndarray, bounds: np.ndarray | None) -> np.ndarray:
    """The value nearest to each prediction that the truth may have: the prediction itself where it fulfils the bound.

    Args:
        predicted, true: Of one shape; NaN in `true` = not measured.
        bounds: Of the same shape, or None where nothing is censored.
    """
    if bounds is None:
        return true
    return np.where(bounds > 0, np.maximum(true, predicted), np.where(bounds < 0, np.minimum(true, predicted), true))


def exact(true: np.ndarray, bounds: np.ndarray | None) -> np.ndarray:
    """The labels with NaN, as if not measured, where they are censored."""
    return true if bounds is None else np.where(bounds == 0, true, np.nan)


def count(true: np.ndarray, bounds: np.ndarray | None) -> np.ndarray:
    """(labels,) how many of the measured labels (rows, labels) are censored."""
    if bounds is None:
        return np.zeros(true.shape[1], np.int64)
    return ((bounds != 0) & ~np.isnan(true)).sum(axis=0)
