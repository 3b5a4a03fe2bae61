"""Bootstrap intervals of metrics, and of paired differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.evaluate.metrics import Metric


@dataclass(frozen=True)
class Interval:
    """A value with the bounds of its confidence interval; NaN bounds where too few resamples were defined."""

    value: float
    low: float
    high: float

    @property
    def decided(self) -> bool:
        """Whether the interval leaves zero out."""
        return bool(self.low > 0 or self.high < 0)


def bootstrap(
    metric: Metric,
    predicted: np.ndarray,
    true: np.ndarray,
    bounds: np.ndarray | None = None,
    *,
    generator: np.random.Generator,
    resamples: int = 500,
    level: float = 0.95,
) -> Interval:
    """Percentile interval of one label's metric over resampled molecules.

    Args:
        metric: Which.
        predicted, true: (N,), NaN = not measured.
        bounds: (N,) of censored labels; None when nothing is censored.
        generator: Draws the resamples.
        resamples: How many; those where the metric is undefined (one class only) are left out.
        level: Confidence.

    Source: Efron and Tibshirani 1993, chapter 13.
    """
    measured = ~(np.isnan(true) | np.isnan(predicted))
    predicted, true = predicted[measured], true[measured]
    sides = None if bounds is None else bounds[measured]
    if not len(true):
        return Interval(np.nan, np.nan, np.nan)
    value = float(_scores(metric, predicted, true, sides, np.arange(len(true))[:, None])[0])
    draws = generator.integers(0, len(true), size=(len(true), resamples))
    values = _scores(metric, predicted, true, sides, draws)
    return Interval(value, *percentiles(values, level))


def paired_difference(
    differences: np.ndarray, *, generator: np.random.Generator, resamples: int = 10_000, level: float = 0.95
) -> Interval:
    """Mean of paired differences (over seeds or molecules), with a t interval for few pairs and a bootstrap for many.

    Up to 30 pairs the t distribution is used: resampling a handful of seeds gives intervals that are too narrow.
    """
    differences = np.asarray(differences, np.float64)
    mean, count = float(differences.mean()), len(differences)
    if count < 2:
        return Interval(mean, np.nan, np.nan)
    if count <= 30:
        from scipy.stats import t

        half = float(t.ppf((1 + level) / 2, count - 1) * differences.std(ddof=1) / np.sqrt(count))
        return Interval(mean, mean - half, mean + half)
    draws = generator.integers(0, count, size=(resamples, count))
    return Interval(mean, *percentiles(differences[draws].mean(axis=1), level))


def paired_bootstrap(
    metric: Metric,
    first: np.ndarray,
    second: np.ndarray,
    true: np.ndarray,
    bounds: np.ndarray | None = None,
    *,
    generator: np.random.Generator,
    resamples: int = 500,
    level: float = 0.95,
) -> Interval:
    """Metric of `first` minus metric of `second` on the same resampled molecules."""
    measured = ~(np.isnan(true) | np.isnan(first) | np.isnan(second))
    first, second, true = first[measured], second[measured], true[measured]
    sides = None if bounds is None else bounds[measured]

    def differences(rows: np.ndarray) -> np.ndarray:
        return _scores(metric, first, true, sides, rows) - _scores(metric, second, true, sides, rows)

    value = float(differences(np.arange(len(true))[:, None])[0])
    values = differences(generator.integers(0, len(true), size=(len(true), resamples)))
    return Interval(value, *percentiles(values, level))


def _scores(
    metric: Metric, predicted: np.ndarray, true: np.ndarray, bounds: np.ndarray | None, rows: np.ndarray
) -> np.ndarray:
    """(resamples,) values on the molecules `rows` (n, resamples)."""
    return metric(predicted[rows], true[rows], None if bounds is None else bounds[rows])


def percentiles(values: np.ndarray, level: float) -> tuple[float, float]:
    """Limits of the middle share `level` of resampled values; NaN where fewer than 20 are defined."""
    defined = values[~np.isnan(values)]
    if len(defined) < 20:
        return np.nan, np.nan
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
