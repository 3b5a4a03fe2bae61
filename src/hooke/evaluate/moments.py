"""Count, mean and standard deviation of columns, block by block.

Source: blocks are merged by the pairwise update of Chan, Golub and LeVeque 1979, which keeps its digits when the mean is large beside the
spread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hooke.core.types import LabelStatistics


class Moments(NamedTuple):
    """Of each column, over the rows where it is measured.

    Attributes:
        measured: (columns,) number of rows.
        mean: (columns,).
        deviations: (columns,) sum of squared deviations from the mean.
    """

    measured: np.ndarray
    mean: np.ndarray
    deviations: np.ndarray

    @classmethod
    def of(cls, data: np.ndarray) -> Moments:
        """Of one block (rows, columns) float64; NaN is left out."""
        measured = ~np.isnan(data)
        count = measured.sum(axis=0).astype(np.float64)
        mean = np.where(measured, data, 0.0).sum(axis=0) / np.maximum(count, 1)
        return cls(count, mean, np.where(measured, (data - mean) ** 2, 0.0).sum(axis=0))

    def merged(self, other: Moments) -> Moments:
        """Of the rows of both."""
        count = self.measured + other.measured
        share = other.measured / np.maximum(count, 1)
        gap = other.mean - self.mean
        deviations = self.deviations + other.deviations + gap**2 * self.measured * share
        return Moments(count, self.mean + gap * share, deviations)

    def statistics(self) -> LabelStatistics:
        """Count, mean and standard deviation (of the population)."""
        std = np.sqrt(self.deviations / np.maximum(self.measured, 1))
        return LabelStatistics(self.measured, self.mean, np.where(std > 1e-8, std, 1.0))
