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
    cells, genes = np.nonzero(values)
    return sparse_rank_sums(cells, genes, values[cells, genes], groups, count, values.shape[1])


def sparse_rank_sums(
    cells: np.ndarray, genes: np.ndarray, values: np.ndarray, groups: np.ndarray, count: int, width: int
) -> GeneTests:  # fmt: skip
    """`rank_sums` of values that are mostly zero, from those that are not.

    Args:
        cells, genes: (m,) where the values stand.
        values: (m,) not zero.
        groups: (cells,) 0 ... count - 1, -1 of a control, or -2 of a cell that is left out.
        count: Number of groups.
        width: Number of genes.
    """
    sizes = np.bincount(groups[groups >= 0], minlength=count).astype(np.float64)
    controls = int((groups == -1).sum())
    own = groups[cells]
    used = own >= -1
    genes, values, own = genes[used], values[used], own[used]
    order = np.lexsort((values, own, genes))
    genes, values, own = genes[order], values[order], own[order]
    starts = np.searchsorted(genes, np.arange(width + 1))
    z = np.full((count, width), np.nan)
    for gene in range(width):
        span = slice(starts[gene], starts[gene + 1])
        z[:, gene] = _rank_sum(values[span], own[span], controls, sizes)
    return GeneTests(z, 2 * scipy.stats.norm.sf(np.abs(z)))


def _rank_sum(values: np.ndarray, groups: np.ndarray, controls: int, sizes: np.ndarray) -> np.ndarray:
    """(groups,) z of one gene from its values that are not zero, sorted by group (-1: controls) and value."""
    m = float(controls)
    split = int(np.searchsorted(groups, 0))
    levels, repeats_of = _levels(values[:split], controls)
    below_of = np.cumsum(repeats_of) - repeats_of
    values, groups = values[split:], groups[split:]
    first = (
        np.flatnonzero(np.r_[True, (np.diff(groups) != 0) | (np.diff(values) != 0)])
        if len(values)
        else np.empty(0, np.int64)
    )
    repeats = np.diff(np.r_[first, len(values)]).astype(np.float64)  # cells of a group with one value
    everyone = np.arange(len(sizes))
    value, group = np.r_[values[first], np.zeros(len(sizes))], np.r_[groups[first], everyone]
    repeats = np.r_[repeats, sizes - np.bincount(groups, minlength=len(sizes))]  # and those with zero
    place = np.searchsorted(levels, value)
    there = np.append(levels, np.inf)[place] == value
    equal = np.where(there, np.append(repeats_of, 0.0)[place], 0.0)
    below = np.append(below_of, m)[place]
    u = np.bincount(group, repeats * (below + equal / 2), len(sizes))
    ties = _cube(repeats_of).sum() + np.bincount(group, _cube(repeats + equal) - _cube(equal), len(sizes))
    total = sizes + m
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = sizes * m / 12 * (total + 1 - ties / (total * (total - 1)))
        z = (u - sizes * m / 2) / np.sqrt(variance)
    return np.where((sizes > 0) & (m > 0) & (variance > 1e-9 * sizes * m), z, np.nan)


def _levels(values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Different values of controls, zero among them where some cell has it, and how many have each."""
    levels, repeats = np.unique(values, return_counts=True)
    zeros = count - len(values)
    place = np.searchsorted(levels, 0.0)
    if not zeros:
        return levels, repeats.astype(np.float64)
    return np.insert(levels, place, 0.0), np.insert(repeats, place, zeros).astype(np.float64)


def _cube(counts: np.ndarray) -> np.ndarray:
    return counts**3 - counts
