"""The metrics of `evaluate.metrics`, from batches of any size, in memory that depends on the number of labels alone.

Sums are kept for each label and combined as Chan, Golub and LeVeque (1983) combine variances, so no batch needs to be seen twice and
large means lose no digits. ROC-AUC and average precision come from histograms of the probability with `BINS` bins: scores in
one bin count as tied. Spearman's correlation needs all values at once and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hooke.core.label import Label
from hooke.evaluate.censoring import exact, nearest_truth
from hooke.evaluate.metrics import METRICS

BINS = 4096
_CHUNK = 256  # label columns whose histograms are worked on at once
STREAMED = tuple(name for name in METRICS if name != "spearman")


class StreamedMetrics:
    """Metrics of many labels, fed batch by batch.

    Args:
        labels: The T labels, in the order of the columns.
        bins: Of the histograms.
    """

    def __init__(self, labels: Sequence[Label], *, bins: int = BINS) -> None:
        self.labels, self._bins = tuple(labels), bins
        size = len(self.labels)
        self._binary = np.array([label.kind == "binary" for label in self.labels], bool)
        self._measured, self._count, self._absolute, self._squared, self._exact, self._right, self._entropy = np.zeros(
            (7, size)
        )
        self._mean = np.zeros((2, size))  # of predictions and of the truth
        self._moments = np.zeros((3, size))  # Σ (p - p̄)², Σ (t - t̄)², Σ (p - p̄)(t - t̄)
        self._histograms = np.zeros((2, int(self._binary.sum()), bins), np.int64)  # negatives, positives

    def update(self, predicted: np.ndarray, true: np.ndarray, bounds: np.ndarray | None = None) -> None:
        """Take in one batch.

        Args:
            predicted: (N, T): values, probabilities or class numbers by kind.
            true: (N, T), NaN = not measured.
            bounds: (N, T) of censored labels; None when nothing is censored.
        """
        predicted, true = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
        error = predicted - nearest_truth(predicted, true, bounds)
        self._measured += (~np.isnan(error)).sum(axis=0)
        self._absolute += np.nansum(np.abs(error), axis=0)
        self._squared += np.nansum(error**2, axis=0)
        true = exact(true, bounds)
        measured = ~(np.isnan(predicted) | np.isnan(true))
        p, t = np.where(measured, predicted, 0.0), np.where(measured, true, 0.0)
        self._exact += ((p - t) ** 2).sum(axis=0)
        decided = np.where(self._binary, p > 0.5, p)
        self._right += ((decided == t) & measured).sum(axis=0)
        self._add_moments(p, t, measured)
        if self._binary.any():
            self._add_binary(p[:, self._binary], t[:, self._binary], measured[:, self._binary])

    def _add_moments(self, p: np.ndarray, t: np.ndarray, measured: np.ndarray) -> None:
        count = measured.sum(axis=0)
        mean = np.stack([p.sum(axis=0), t.sum(axis=0)]) / np.maximum(count, 1)
        x, y = np.where(measured, p - mean[0], 0.0), np.where(measured, t - mean[1], 0.0)
        total = np.maximum(self._count + count, 1)
        shift = mean - self._mean
        weight = self._count * count / total
        self._moments += np.stack([(x * x).sum(axis=0), (y * y).sum(axis=0), (x * y).sum(axis=0)])
        self._moments += weight * np.stack([shift[0] ** 2, shift[1] ** 2, shift[0] * shift[1]])
        self._mean += shift * count / total
        self._count += count

    def _add_binary(self, p: np.ndarray, t: np.ndarray, measured: np.ndarray) -> None:
        clipped = np.clip(p, 1e-7, 1 - 1e-7)
        entropy = -(t * np.log(clipped) + (1 - t) * np.log1p(-clipped))
        self._entropy[self._binary] += np.where(measured, entropy, 0.0).sum(axis=0)
        rows, columns = np.nonzero(measured)
        bins = np.minimum((p[rows, columns] * self._bins).astype(np.int64), self._bins - 1)
        np.add.at(self._histograms, ((t[rows, columns] > 0.5).astype(np.int64), columns, bins), 1)

    def result(self) -> dict[str, dict[str, float]]:
        """Label name -> metric name -> value, as `metrics.evaluate` gives them; NaN where a metric is not defined."""
        measured, count = (np.where(found > 0, found, np.nan) for found in (self._measured, self._count))
        exact_mse, spread = self._exact / count, self._moments[1] / count
        with np.errstate(invalid="ignore", divide="ignore"):
            found = {
                "mae": self._absolute / measured,
                "rmse": np.sqrt(self._squared / measured),
                "r2": np.where(spread > 0, 1 - exact_mse / spread, np.nan),
                "pearson": self._moments[2] / np.sqrt(self._moments[0] * self._moments[1]),
                "accuracy": self._right / count,
                "cross_entropy": self._entropy / count,
                **self._ranking(),
            }
        return {
            label.name: {
                name: float(values[place]) for name, values in found.items() if label.kind in METRICS[name].kinds
            }
            for place, label in enumerate(self.labels)
        }

    def _ranking(self) -> dict[str, np.ndarray]:
        auc, precision = np.full((2, len(self.labels)), np.nan)
        places = np.flatnonzero(self._binary)
        for start in range(0, len(places), _CHUNK):
            negatives, positives = self._histograms[:, start : start + _CHUNK].astype(np.float64)
            chunk = places[start : start + _CHUNK]
            auc[chunk], precision[chunk] = _auc(negatives, positives), _average_precision(negatives, positives)
        return {"roc_auc": auc, "average_precision": precision}


def _auc(negatives: np.ndarray, positives: np.ndarray) -> np.ndarray:
    below = np.cumsum(negatives, axis=1) - negatives / 2  # ties count half
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    return np.where(pairs > 0, (positives * below).sum(axis=1) / np.where(pairs > 0, pairs, 1), np.nan)


def _average_precision(negatives: np.ndarray, positives: np.ndarray) -> np.ndarray:
    hits = np.cumsum(positives[:, ::-1], axis=1)
    seen = hits + np.cumsum(negatives[:, ::-1], axis=1)
    total = positives.sum(axis=1)
    gained = (positives[:, ::-1] * hits / np.maximum(seen, 1)).sum(axis=1)
    return np.where(total > 0, gained / np.where(total > 0, total, 1), np.nan)
