"""Metrics over many label columns at once, NaN = not measured; no loop over columns.

Every function takes predictions and truth, both (N, T), and returns (T,) float64, NaN where a metric is not defined (no
measurement, one class only, no spread). Censored labels: see `evaluate.censoring`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.evaluate.censoring import exact, nearest_truth

Array = np.ndarray
FEWEST = 10  # exact measurements from which R² and correlations are told
_NEED_ROWS = ("r2", "pearson", "spearman")


def mae(predicted: Array, true: Array) -> Array:
    """Mean absolute error."""
    return _mean(np.abs(predicted - true))


def rmse(predicted: Array, true: Array) -> Array:
    """Root of the mean squared error."""
    return np.sqrt(_mean((predicted - true) ** 2))


def r2(predicted: Array, true: Array) -> Array:
    """Coefficient of determination, 1 - SSE / SST; negative when worse than the mean of the truth."""
    true = np.where(np.isnan(predicted), np.nan, true)
    total = _mean((true - _mean(true)) ** 2)
    return _divide(total - _mean((predicted - true) ** 2), total)


def pearson(predicted: Array, true: Array) -> Array:
    """Pearson correlation."""
    missing = np.isnan(predicted) | np.isnan(true)
    x, y = np.where(missing, np.nan, predicted), np.where(missing, np.nan, true)
    x, y = x - _mean(x), y - _mean(y)
    return _divide(_mean(x * y), np.sqrt(_mean(x * x) * _mean(y * y)))


def spearman(predicted: Array, true: Array) -> Array:
    """Rank correlation; equal values share their mean rank."""
    missing = np.isnan(predicted) | np.isnan(true)
    return pearson(_ranks(np.where(missing, np.nan, predicted)), _ranks(np.where(missing, np.nan, true)))


def roc_auc(predicted: Array, true: Array) -> Array:
    """Area under the ROC curve, by ranks (Mann-Whitney); ties count half."""
    missing = np.isnan(predicted) | np.isnan(true)
    ranks = _ranks(np.where(missing, np.nan, predicted))
    positive = np.where(missing, 0.0, true > 0.5)
    count = (~missing).sum(axis=0)
    positives = positive.sum(axis=0)
    negatives = count - positives
    total = np.nansum(ranks * positive, axis=0)
    return _divide(total - positives * (positives + 1) / 2, positives * negatives)


def average_precision(predicted: Array, true: Array) -> Array:
    """Area under the precision-recall curve as a step function: Σ (R_k - R_{k-1}) P_k; ties share one threshold."""
    missing = np.isnan(predicted) | np.isnan(true)
    score = np.where(missing, -np.inf, predicted)
    order = np.argsort(-score, axis=0, kind="stable")
    score = np.take_along_axis(score, order, axis=0)
    hit = np.take_along_axis(np.where(missing, 0.0, true > 0.5), order, axis=0)
    hits = np.cumsum(hit, axis=0)
    seen = np.arange(1, len(score) + 1)[:, None]
    last = np.ones_like(hit, dtype=bool)  # the last of each run of equal scores sets the threshold
    last[:-1] = score[1:] != score[:-1]
    precision = hits / seen
    # For every row, hits at the previous threshold: the running maximum of hits taken at "last" rows, shifted by one.
    reached = np.maximum.accumulate(np.where(last, hits, 0.0), axis=0)
    before = np.vstack([np.zeros((1, hits.shape[1])), reached[:-1]])
    gained = np.where(last, hits - before, 0.0)
    return _divide((gained * precision).sum(axis=0), hits[-1])


def cross_entropy(predicted: Array, true: Array) -> Array:
    """Binary cross-entropy of probabilities, clipped at 1e-7."""
    probability = np.clip(predicted, 1e-7, 1 - 1e-7)
    return _mean(-(true * np.log(probability) + (1 - true) * np.log1p(-probability)))


def accuracy(predicted: Array, true: Array) -> Array:
    """Fraction right: probabilities above 0.5, or class numbers that are equal."""
    missing = np.isnan(predicted) | np.isnan(true)
    decided = np.where(predicted % 1 == 0, predicted, predicted > 0.5)
    return _mean(np.where(missing, np.nan, decided == true))


@dataclass(frozen=True)
class Metric:
    """A metric, whether more is better, and the kinds of labels it fits.

    Attributes:
        is_error: Whether it is a mean of errors, which are 0 where a prediction fulfils the bound of a censored label; the others are
            those of exact labels alone.
    """

    name: str
    function: Callable[[Array, Array], Array]
    higher_is_better: bool
    kinds: tuple[str, ...]
    is_error: bool = False

    def __call__(self, predicted: Array, true: Array, bounds: Array | None = None) -> Array:
        """(T,) its values.

        Args:
            predicted, true: (N, T), NaN = not measured.
            bounds: (N, T) of censored labels: 0 exact, +1 the truth is above the value, -1 below; None when nothing is censored.
        """
        return self.function(
            predicted, nearest_truth(predicted, true, bounds) if self.is_error else exact(true, bounds)
        )


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("mae", mae, False, ("regression",), is_error=True),
        Metric("rmse", rmse, False, ("regression",), is_error=True),
        Metric("r2", r2, True, ("regression",)),
        Metric("pearson", pearson, True, ("regression",)),
        Metric("spearman", spearman, True, ("regression",)),
        Metric("roc_auc", roc_auc, True, ("binary",)),
        Metric("average_precision", average_precision, True, ("binary",)),
        Metric("cross_entropy", cross_entropy, False, ("binary",)),
        Metric("accuracy", accuracy, True, ("binary", "multiclass", "ordinal")),
    )
}
PRIMARY = {"regression": "rmse", "binary": "roc_auc", "multiclass": "accuracy", "ordinal": "accuracy"}


def metric(name: str, label: Label | None = None) -> Metric:
    """A metric by name, refused if it does not fit the label's kind.

    Raises:
        UnknownNameError: No such metric.
        UsageError: For example ROC-AUC of a regression label.
    """
    if name not in METRICS:
        raise UnknownNameError("metric", name, METRICS)
    found = METRICS[name]
    if label is not None and label.kind not in found.kinds:
        fitting = [other.name for other in METRICS.values() if label.kind in other.kinds]
        raise UsageError(f"{name} does not fit the {label.kind} label {label.name!r}; use one of {fitting}")
    return found


def evaluate(
    predicted: Array, true: Array, labels: Sequence[Label], bounds: Array | None = None
) -> dict[str, dict[str, float]]:
    """Label name -> metric name -> value, every metric that fits the label's kind; NaN for R² and correlations of fewer than `FEWEST` rows.

    Args:
        predicted: (N, T); values, probabilities or class numbers by kind.
        true: (N, T), NaN = not measured.
        labels: The T labels.
        bounds: (N, T) of censored labels; None when nothing is censored.
    """
    found: dict[str, dict[str, float]] = {label.name: {} for label in labels}
    for kind in dict.fromkeys(label.kind for label in labels):
        columns = [place for place, label in enumerate(labels) if label.kind == kind]
        sides = None if bounds is None else bounds[:, columns]
        for entry in METRICS.values():
            if kind in entry.kinds:
                values = entry(predicted[:, columns], true[:, columns], sides)
                if entry.name in _NEED_ROWS:
                    exactly = exact(true[:, columns], sides)
                    values = np.where((~np.isnan(exactly)).sum(axis=0) < FEWEST, np.nan, values)
                for place, value in zip(columns, values, strict=True):
                    found[labels[place].name][entry.name] = float(value)
    return found


def _mean(values: Array) -> Array:
    measured = ~np.isnan(values)
    total = np.where(measured, values, 0.0).sum(axis=0, dtype=np.float64)
    return _divide(total, measured.sum(axis=0))


def _divide(numerator: Array, denominator: Array) -> Array:
    numerator, denominator = np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)
    defined = denominator > 0
    return np.where(defined, numerator / np.where(defined, denominator, 1.0), np.nan)


def _ranks(values: Array) -> Array:
    """Mean ranks from 1 within each column; NaN stays NaN and takes no rank."""
    order = np.argsort(values, axis=0, kind="stable")  # NaN sorts last
    ordered = np.take_along_axis(values, order, axis=0)
    rows = len(values)
    new = np.ones(values.shape, dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    place = np.arange(rows)[:, None]
    first = np.maximum.accumulate(np.where(new, place, 0), axis=0)
    ends = np.ones(values.shape, dtype=bool)
    ends[:-1] = new[1:]
    last = np.minimum.accumulate(np.where(ends, place, rows)[::-1], axis=0)[::-1]
    ranks = np.empty(values.shape, np.float64)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=0)
    return np.where(np.isnan(values), np.nan, ranks)
