"""Which genes differ between perturbed cells and controls: Welch's t from moments, and rank sums from cells, gene by gene.

Source: Welch 1947; Mann and Whitney 1947 with the correction for ties, as in Lehmann, "Nonparametrics", 1975.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.stats

from hooke.evaluate.multiple_testing import benjamini_hochberg

RATE = 0.05


class GeneTests(NamedTuple):
    """Statistic (t, or the standard normal z of a rank sum) and two-sided p-value, of the same shape; NaN where undefined."""

    statistic: np.ndarray
    p_value: np.ndarray

    def significant(self, rate: float = RATE) -> np.ndarray:
        """Whether each gene of each row differs at this false-discovery rate (Benjamini and Hochberg within the row)."""
        found = np.zeros(self.p_value.shape, bool)
        for row, p_values in enumerate(self.p_value):
            known = ~np.isnan(p_values)
            if known.any():
                found[row, known] = benjamini_hochberg(p_values[known]) <= rate
        return found


def welch(
    means: np.ndarray, variances: np.ndarray, counts: np.ndarray, control_means: np.ndarray, control_errors: np.ndarray,
    control_counts: np.ndarray,
) -> GeneTests:  # fmt: skip
    """Welch's t test of each gene.

    Args:
        means, variances: (P, G) of perturbed cells; variances with n - 1.
        counts: (P,) cells.
        control_means: (P, G).
        control_errors: (P, G) squared standard errors of `control_means`.
        control_counts: (P,) control cells.

    A gene without variance on both sides has t = 0 where the means are equal, and is undefined where they are not.
    """
    errors = variances / counts[:, None]
    total = errors + control_errors
    gap = means - control_means
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = np.where(total > 0, gap / np.sqrt(total), np.where(gap == 0, 0.0, np.nan))
        below = (
            errors**2 / np.maximum(counts - 1, 1)[:, None]
            + control_errors**2 / np.maximum(control_counts - 1, 1)[:, None]
        )
        freedom = np.where(below > 0, total**2 / below, 1.0)
    return GeneTests(statistic, 2 * scipy.stats.t.sf(np.abs(statistic), freedom))


def rank_sums(values: np.ndarray, groups: np.ndarray, count: int) -> GeneTests:
    """Rank sums of every group of cells against the controls, for each gene.

    Args:
        values: (cells, G).
        groups: (cells,) 0 ... count - 1, or -1 of a control.
        count: Number of groups.

    Returns:
        (count, G): z > 0 where perturbed cells are higher; NaN where a side is empty or all cells are equal.
    """
    control = groups == -1
    sizes = np.bincount(groups[~control], minlength=count).astype(np.float64)
    z = np.full((count, values.shape[1]), np.nan)
    for gene in range(values.shape[1]):
        z[:, gene] = _rank_sum(values[~control, gene], groups[~control], np.sort(values[control, gene]), sizes)
    return GeneTests(z, 2 * scipy.stats.norm.sf(np.abs(z)))


def _rank_sum(values: np.ndarray, groups: np.ndarray, controls: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(groups,) z of one gene; controls are sorted."""
    m = float(len(controls))
    order = np.lexsort((values, groups))
    values, groups = values[order], groups[order]
    first = (
        np.flatnonzero(np.r_[True, (np.diff(groups) != 0) | (np.diff(values) != 0)])
        if len(values)
        else np.empty(0, int)
    )
    repeats = np.diff(np.r_[first, len(values)]).astype(np.float64)  # cells of a group with one value
    value, group = values[first], groups[first]
    below = np.searchsorted(controls, value, "left").astype(np.float64)
    equal = np.searchsorted(controls, value, "right") - below
    u = np.bincount(group, repeats * (below + equal / 2), len(sizes))
    tied = _cube(np.unique(controls, return_counts=True)[1].astype(np.float64)).sum()
    ties = tied + np.bincount(group, _cube(repeats + equal) - _cube(equal), len(sizes))
    total = sizes + m
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = sizes * m / 12 * (total + 1 - ties / (total * (total - 1)))
        return np.where(
            (sizes > 0) & (m > 0) & (variance > 1e-9 * sizes * m), (u - sizes * m / 2) / np.sqrt(variance), np.nan
        )


def _cube(counts: np.ndarray) -> np.ndarray:
    return counts**3 - counts
