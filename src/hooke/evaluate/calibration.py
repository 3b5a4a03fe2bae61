"""How far stated uncertainties can be trusted: reliability of probabilities, coverage of intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.evaluate.bootstrap import Interval


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


@dataclass(frozen=True)
class SetCoverage:
    """How often sets of classes hold the truth, with a 95 % interval; their mean size; the share that is empty; measured rows."""

    reached: Interval
    mean_size: float
    empty: float
    count: int


def set_coverage(contained: np.ndarray, true: np.ndarray) -> SetCoverage:
    """Coverage and size of sets of classes.

    Args:
        contained: (N, classes) bool, which classes are in each set.
        true: (N,) class numbers, NaN = not measured.

    Source: Wilson 1927 (the interval).
    """
    from scipy.stats import binomtest

    measured = ~np.isnan(true)
    count, sets = int(measured.sum()), contained[measured]
    if not count:
        return SetCoverage(Interval(np.nan, np.nan, np.nan), np.nan, np.nan, 0)
    right = int(sets[np.arange(count), true[measured].astype(np.int64)].sum())
    low, high = binomtest(right, count).proportion_ci(method="wilson")
    sizes = sets.sum(axis=1)
    return SetCoverage(
        Interval(right / count, float(low), float(high)), float(sizes.mean()), float((sizes == 0).mean()), count
    )


@dataclass(frozen=True)
class SpreadCalibration:
    """How well stated standard deviations fit the errors.

    Attributes:
        ence: Expected normalised calibration error, 0 is perfect; NaN where some bin states no spread.
        miscalibration_area: Area between observed and nominal coverage of Gaussian intervals, 0 to 0.5.
        wanted, reached: The coverage curve behind it.
        count: Measured rows.
    """

    ence: float
    miscalibration_area: float
    wanted: np.ndarray
    reached: np.ndarray
    count: int


def spread_calibration(mean: np.ndarray, std: np.ndarray, true: np.ndarray, *, bins: int = 10) -> SpreadCalibration:
    """ENCE and miscalibration area of stated standard deviations.

        ENCE = mean_b |√(mean_b σ²) - √(mean_b e²)| / √(mean_b σ²),  bins of equal count sorted by σ
        area = ∫ |share of |e| ≤ z_p σ  -  p| dp,  z_p the Gaussian half-width of level p

    Args:
        mean, std, true: (N,), NaN = not measured.
        bins: Number of bins; fewer if there are fewer rows.

    Source: Levi et al. 2022, equations 8 to 10; Kuleshov et al. 2018, with the area of Tran et al. 2020.
    """
    from scipy.stats import norm

    measured = ~(np.isnan(true) | np.isnan(mean))
    error, spread = np.abs(true - mean)[measured], std[measured]
    wanted = np.linspace(0, 1, 101)
    if not len(error):
        return SpreadCalibration(float("nan"), float("nan"), wanted, np.full(101, np.nan), 0)
    half = norm.ppf((1 + wanted[:-1]) / 2)
    inside = error[None, :] <= half[:, None] * spread[None, :]
    reached = np.append(inside.mean(axis=1), 1.0)
    area = float(np.trapezoid(np.abs(reached - wanted), wanted))
    parts = np.array_split(np.argsort(spread, kind="stable"), min(bins, len(spread)))
    stated = np.sqrt([np.mean(spread[part] ** 2) for part in parts])
    found = np.sqrt([np.mean(error[part] ** 2) for part in parts])
    ence = float(np.mean(np.abs(stated - found) / stated)) if (stated > 0).all() else float("nan")
    return SpreadCalibration(ence, area, wanted, reached, len(error))
