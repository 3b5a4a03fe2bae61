"""Count, mean and standard deviation of columns, block by block; what columns of any scale are divided by.

Source: blocks are merged by the pairwise update of Chan, Golub and LeVeque 1979, which keeps its digits when the mean is large beside the
spread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hooke.core.types import LabelStatistics

_ROUNDING = 1e-12  # of a column's size: smaller deviations are those of rounding


def divisor(deviation: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Standard deviations to divide by: 1 where a column is constant but for rounding, whatever its unit.

    Args:
        deviation: (columns,) standard deviations.
        size: (columns,) how large the values are.
    """
    return np.where(deviation > _ROUNDING * size, deviation, 1.0)


def spread(values: np.ndarray) -> np.ndarray:
    """(columns,) standard deviations over the rows, 1 where there is none, so that constant columns stay constant."""
    deviation = values.std(axis=0, dtype=np.float64)
    return divisor(deviation, np.abs(values).max(axis=0, initial=0)).astype(values.dtype)


def binary_exponent(values: np.ndarray) -> int:
    """The e for which the standard deviation of values · 2^-e lies in [½, 1); 0 of a constant.

    Scaling by powers of two (`np.ldexp`) rounds nothing, so that what is learnt of scaled values is the same to the bit, and the absolute
    limits of learners (a tree splits no node of variance below 2.2e-16) mean the same in every unit.
    """
    return int(np.frexp(values.std())[1])


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
    def none(cls, columns: int) -> Moments:
        """Of no row."""
        return cls(*np.zeros((3, columns)))

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
        return LabelStatistics(self.measured, self.mean, divisor(std, np.abs(self.mean)))
