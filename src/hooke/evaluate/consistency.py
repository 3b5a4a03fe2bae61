"""Do replicates of a perturbation agree, and how far is it from the controls.

Consistency: mean cosine of all pairs of replicates, against groups of as many rows drawn from a pool without effect (unexpressed
genes, or controls). Magnitude: energy distance to the controls, 2 E|x - y| - E|x - x'| - E|y - y'|, against groups of controls.

Source: EFAAR, pert_signal_consistency_benchmark and pert_signal_distance_benchmark.
Differs: p-values count the observation itself, so that none is zero; false-discovery rates beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.core.errors import DataError
from hooke.evaluate.multiple_testing import benjamini_hochberg, empirical_p
from hooke.evaluate.pair_cosines import unit_rows


@dataclass(frozen=True)
class PerturbationScores:
    """One score a perturbation.

    Attributes:
        names: (p,).
        replicates: (p,) number of rows.
        scores: (p,) mean cosine or energy distance; NaN with too few replicates.
        p_values, q_values: (p,) against the null, and adjusted.
        null_size: Groups drawn for each number of replicates.
    """

    names: np.ndarray
    replicates: np.ndarray
    scores: np.ndarray
    p_values: np.ndarray
    q_values: np.ndarray
    null_size: int

    def active(self, rate: float = 0.05) -> np.ndarray:
        """(p,) bool: called at a false-discovery rate."""
        return np.nan_to_num(self.q_values, nan=1.0) <= rate


def consistency(
    values: np.ndarray,
    perturbations: np.ndarray,
    pool: np.ndarray,
    *,
    generator: np.random.Generator,
    null_size: int = 2000,
) -> PerturbationScores:
    """Mean pairwise cosine of the replicates of each perturbation.

    Args:
        values: (n, d).
        perturbations: (n,) names; rows with "" are left out.
        pool: (n,) bool, rows without effect that make the null; a null group takes at most one row of each name where
            the pool has names enough, so that agreement between replicates does not enter it.
        generator: Draws the groups.
        null_size: Groups for each number of replicates.

    Raises:
        DataError: The pool is too small for a group.
    """
    unit = unit_rows(values)
    names, groups = _groups(perturbations)
    rows_of_pool = np.flatnonzero(np.asarray(pool, bool))
    scores = np.array([_mean_cosine(unit[rows]) for rows in groups])
    nulls = {}
    for size in sorted({len(rows) for rows in groups if len(rows) > 1}):
        drawn = _draw(rows_of_pool, np.asarray(perturbations).astype(str), size, null_size, generator)
        nulls[size] = np.array([_mean_cosine(unit[rows]) for rows in drawn])
    return _scored(names, groups, scores, nulls, null_size)


def magnitude(
    values: np.ndarray,
    perturbations: np.ndarray,
    controls: np.ndarray,
    *,
    generator: np.random.Generator,
    least: int = 5,
    most_controls: int = 1000,
    null_size: int = 500,
) -> PerturbationScores:
    """Energy distance of each perturbation to the controls.

    Args:
        values: (n, d).
        perturbations: (n,) names; rows with "" and controls are left out.
        controls: (n,) bool.
        generator: Draws controls and null groups.
        least: Perturbations with fewer replicates get NaN.
        most_controls: At most so many controls are used.
        null_size: Groups of controls for each number of replicates.

    Raises:
        DataError: Too few controls.
    """
    values = np.asarray(values, np.float64)
    chosen = np.flatnonzero(np.asarray(controls, bool))
    if len(chosen) > most_controls:
        chosen = np.sort(generator.choice(chosen, most_controls, replace=False))
    names, groups = _groups(np.where(np.asarray(controls, bool), "", np.asarray(perturbations).astype(str)))
    sizes = sorted({len(rows) for rows in groups if len(rows) >= least})
    if sizes and len(chosen) < 2 * max(sizes):
        raise DataError(
            f"{len(chosen)} controls for groups of up to {max(sizes)} replicates; at least {2 * max(sizes)} needed"
        )
    between = _distances(values[chosen], values[chosen])
    np.fill_diagonal(between, 0.0)
    own = between.sum() / max(len(chosen) * (len(chosen) - 1), 1)
    scores = np.full(len(groups), np.nan)
    for place, rows in enumerate(groups):
        if len(rows) >= least:
            scores[place] = 2 * _distances(values[rows], values[chosen]).mean() - _spread(values[rows]) - own
    nulls = {}
    for size in sizes:
        found = []
        for _ in range(null_size):
            group = generator.choice(len(chosen), size, replace=False)
            rest = np.setdiff1d(np.arange(len(chosen)), group)
            inner = between[np.ix_(group, group)].sum() / max(size * (size - 1), 1)
            others = between[np.ix_(rest, rest)].sum() / max(len(rest) * (len(rest) - 1), 1)
            found.append(2 * between[np.ix_(group, rest)].mean() - inner - others)
        nulls[size] = np.array(found)
    return _scored(names, groups, scores, nulls, null_size)


def _groups(perturbations: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    labels = np.asarray(perturbations).astype(str)
    names, codes = np.unique(labels, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(codes, minlength=len(names)))[:-1])
    kept = [place for place, name in enumerate(names) if name != ""]
    return names[kept], [groups[place] for place in kept]


def _mean_cosine(unit: np.ndarray) -> float:
    count = len(unit)
    if count < 2:
        return np.nan
    total = unit.sum(axis=0)
    return float((total @ total - np.einsum("ij,ij->", unit, unit)) / (count * (count - 1)))


def _draw(
    pool: np.ndarray, names: np.ndarray, size: int, count: int, generator: np.random.Generator
) -> list[np.ndarray]:
    if len(pool) < size:
        raise DataError(f"the pool without effect has {len(pool)} rows, a group needs {size}")
    labels, codes = np.unique(names[pool], return_inverse=True)
    if len(labels) < size:
        return [generator.choice(pool, size, replace=False) for _ in range(count)]
    drawn = []
    for _ in range(count):
        shuffled = generator.permutation(len(pool))
        _, first = np.unique(codes[shuffled], return_index=True)
        drawn.append(pool[shuffled[generator.choice(first, size, replace=False)]])
    return drawn


def _scored(
    names: np.ndarray, groups: list[np.ndarray], scores: np.ndarray, nulls: dict[int, np.ndarray], null_size: int
) -> PerturbationScores:
    sizes = np.array([len(rows) for rows in groups], np.int64)
    p_values = np.full(len(groups), np.nan)
    for size, null in nulls.items():
        p_values[sizes == size] = empirical_p(scores[sizes == size], null)
    return PerturbationScores(names, sizes, scores, p_values, benjamini_hochberg(p_values), null_size)


def _distances(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1) - 2 * first @ second.T
    return np.sqrt(np.maximum(squares, 0))


def _spread(values: np.ndarray) -> float:
    """Mean distance of different rows."""
    count = len(values)
    distances = _distances(values, values)
    np.fill_diagonal(distances, 0.0)
    return float(distances.sum() / (count * (count - 1)))
