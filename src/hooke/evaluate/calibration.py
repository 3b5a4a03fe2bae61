"""How far stated uncertainties can be trusted: reliability of probabilities, coverage of intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Reliability:
    """Per bin of predicted probability: mean prediction, observed frequency, count; and the expected calibration error."""

    predicted: np.ndarray
    observed: np.ndarray
    count: np.ndarray
    expected_error: float


def reliability(probability: np.ndarray, true: np.ndarray, *, bins: int = 10) -> Reliability:
    """Reliability curve with bins of equal count, and ECE = Σ n_b / n |observed_b - predicted_b| (Naeini et al. 2015).

    Args:
        probability, true: (N,), NaN = not measured.
        bins: Number of bins; fewer if there are fewer rows.
    """
    measured = ~np.isnan(true)
    probability, true = probability[measured], true[measured]
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, min(bins, max(1, len(order)))) if len(part)]
    predicted = np.array([probability[part].mean() for part in parts])
    observed = np.array([true[part].mean() for part in parts])
    count = np.array([len(part) for part in parts])
    error = float((count * np.abs(observed - predicted)).sum() / max(1, count.sum()))
    return Reliability(predicted, observed, count, error)


def coverage(lower: np.ndarray, upper: np.ndarray, true: np.ndarray) -> float:
    """Fraction of measured values inside their intervals."""
    measured = ~np.isnan(true)
    inside = (true >= lower) & (true <= upper)
    return float(inside[measured].mean()) if measured.any() else float("nan")


def coverage_curve(scores_calibration: np.ndarray, scores_test: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Coverage reached on test rows for each wanted level, from conformal scores of calibration and test rows."""
    ordered = np.sort(scores_calibration)
    ranks = np.ceil((len(ordered) + 1) * levels).astype(int)
    quantiles = np.where(ranks <= len(ordered), ordered[np.clip(ranks - 1, 0, len(ordered) - 1)], np.inf)
    return (scores_test[None, :] <= quantiles[:, None]).mean(axis=1)
