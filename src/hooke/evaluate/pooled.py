"""Scores over all cells of a table whose intervals are over groups of cells (genes, compounds, lines), from sums by group.

A resample of groups with repetition needs no cell again: r and RMSE are functions of n, Σx, Σy, Σx², Σy², Σxy and Σ(x - y)².
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hooke.evaluate.bootstrap import Interval, percentiles

Score = Literal["pearson", "rmse"]
_RESAMPLES = 2_000


@dataclass(frozen=True)
class Pooled:
    """Sums of predictions x and truths y by group.

    Attributes:
        sums: (groups, 7) float64: n, Σx, Σy, Σx², Σy², Σxy, Σ(x - y)²; x and y less one shift, so that nothing cancels.
    """

    sums: np.ndarray

    @classmethod
    def of(cls, predicted: np.ndarray, true: np.ndarray, groups: np.ndarray) -> Pooled:
        """Of cells; those where either is NaN do not count.

        Args:
            predicted, true: (cells,).
            groups: (cells,) of any sortable kind.
        """
        names, place = np.unique(groups, return_inverse=True)
        kept = ~(np.isnan(predicted) | np.isnan(true))
        shift = true[kept].mean() if kept.any() else 0.0
        x, y = predicted[kept] - shift, true[kept] - shift
        columns = (np.ones(len(x)), x, y, x * x, y * y, x * y, np.square(x - y))
        return cls(np.stack([np.bincount(place[kept], column, len(names)) for column in columns], axis=1))

    def score(self, name: Score) -> float:
        """Over all cells; NaN where it is not defined."""
        return float(_scores(name, self.sums.sum(axis=0))[()])

    def interval(self, name: Score, *, generator: np.random.Generator, level: float = 0.95) -> Interval:
        """Percentile bootstrap over groups."""
        values = _scores(name, _draws(len(self.sums), generator) @ self.sums)
        return Interval(self.score(name), *percentiles(values, level))

    def difference(
        self, other: Pooled, name: Score, *, generator: np.random.Generator, level: float = 0.95
    ) -> Interval:
        """This less another of the same groups, on the same resamples."""
        draws = _draws(len(self.sums), generator)
        values = _scores(name, draws @ self.sums) - _scores(name, draws @ other.sums)
        return Interval(self.score(name) - other.score(name), *percentiles(values, level))


def _draws(count: int, generator: np.random.Generator) -> np.ndarray:
    """(resamples, groups) how often each group is drawn."""
    return generator.multinomial(count, np.full(count, 1 / count), size=_RESAMPLES).astype(np.float64)


def _scores(name: Score, sums: np.ndarray) -> np.ndarray:
    n, x, y, xx, yy, xy, error = np.moveaxis(sums, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        if name == "rmse":
            return np.sqrt(error / n)
        spread_x, spread_y = xx - x * x / n, yy - y * y / n
        defined = (spread_x > 1e-12 * np.maximum(xx, 1e-300)) & (spread_y > 1e-12 * np.maximum(yy, 1e-300))
        return np.where(defined, (xy - x * y / n) / np.sqrt(spread_x * spread_y), np.nan)
