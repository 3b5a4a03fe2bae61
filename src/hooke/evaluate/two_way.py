"""Tables of rows by columns with gaps: main effects by least squares, and the signed low rank of what is left of a symmetric table.

    rectangular     y_ij = m + a_i + b_j
    symmetric       y_ij = m + u_i + u_j
    low rank        X = V diag(e) V',  e of either sign; gaps are filled with X, by turns, until it settles

The low rank is found on the table with zeros in its gaps, then with X in them, some rounds; eigenvalues are drawn towards zero by the shrinkage.

Source: hard and soft imputation: Mazumder, Hastie and Tibshirani 2010 (JMLR 11); here for symmetric tables, by absolute eigenvalue.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_ROUNDS = 10
_EXTRA = 8  # directions beside the rank
_TURNS = 2  # of the power iteration a round


def main_effects(tables: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means (g,), effects of rows (g, n) and of columns (g, m), by least squares; 0 for rows and columns without a number.

    Args:
        tables: (g, n, m) float64, NaN = not measured; a table without any number has the mean NaN. Those with equal gaps are solved at once.
    """
    known = ~np.isnan(tables)
    count, n, m = tables.shape
    totals = np.where(known, tables, 0.0).sum(axis=(1, 2))
    numbers = known.sum(axis=(1, 2))
    means = np.divide(totals, numbers, out=np.full(count, np.nan), where=numbers > 0)
    left = np.where(known, tables - means[:, None, None], 0.0)
    sums = np.concatenate([left.sum(axis=2), left.sum(axis=1)], axis=1)
    effects = np.zeros((count, n + m))
    for same in _equal_rows(known.reshape(count, -1)):
        gaps = known[same[0]]
        normal = np.zeros((n + m, n + m))
        normal[:n, n:], normal[n:, :n] = gaps, gaps.T
        normal[np.arange(n + m), np.arange(n + m)] = np.concatenate([gaps.sum(axis=1), gaps.sum(axis=0)])
        effects[same] = np.linalg.lstsq(normal, sums[same].T, rcond=1e-10)[0].T
    return means, effects[:, :n], effects[:, n:]


def _equal_rows(rows: np.ndarray) -> list[np.ndarray]:
    """Places of rows of a boolean matrix that are equal, together; each group ascending, the groups by their first row."""
    groups: dict[bytes, list[int]] = {}
    for place, row in enumerate(np.packbits(rows, axis=1)):
        groups.setdefault(row.tobytes(), []).append(place)
    return [np.array(places) for places in groups.values()]


def symmetric_effects(table: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean and effects of the names of a symmetric table, by least squares; 0 for names without a number.

    Args:
        table: (n, n) symmetric float64, NaN = not measured.
    """
    known = ~np.isnan(table)
    mean = float(table[known].mean())
    left = np.where(known, table - mean, 0.0).sum(axis=1)
    return mean, np.linalg.lstsq(known + np.diag(known.sum(axis=1)), left, rcond=1e-10)[0]


class LowRank(NamedTuple):
    """V and e of a symmetric low-rank table: (n, rank) float64 and (rank,) float64, the largest |e| first."""

    vectors: np.ndarray
    values: np.ndarray

    @property
    def table(self) -> np.ndarray:
        """(n, n) V diag(e) V'."""
        return (self.vectors * self.values) @ self.vectors.T


def noise_edge(table: np.ndarray) -> float:
    """The largest eigenvalue that noise of the table's own spread would have: 2 sd sqrt(known entries a row)."""
    known = ~np.isnan(table)
    return 2 * float(table[known].std()) * float(np.sqrt(known.sum() / len(table)))


def signed_low_rank(
    table: np.ndarray, rank: int, shrinkage: float, start: tuple[np.ndarray, np.ndarray] | None = None
) -> LowRank:
    """The signed low rank of a symmetric table with gaps.

    Args:
        table: (n, n) symmetric float64 without main effects, NaN = not measured.
        rank: At most n.
        shrinkage: By which eigenvalues are drawn towards zero, in units of `noise_edge`.
        start: Eigenvalues and vectors of the table with zeros in its gaps, where they are known.
    """
    known = ~np.isnan(table)
    zeros = np.where(known, table, 0.0)
    values, vectors = np.linalg.eigh(zeros) if start is None else start
    rank, edge = min(rank, len(table)), shrinkage * noise_edge(table)
    wide = min(rank + _EXTRA, len(table))
    basis = vectors[:, np.argsort(-np.abs(values), kind="stable")[:wide]]
    current, found = zeros, LowRank(basis[:, :rank], np.zeros(rank))
    for _ in range(_ROUNDS):
        for _ in range(_TURNS):
            basis = np.linalg.qr(current @ basis)[0]
        within, turn = np.linalg.eigh(basis.T @ current @ basis)
        order = np.argsort(-np.abs(within), kind="stable")[:rank]
        drawn = np.sign(within[order]) * np.maximum(np.abs(within[order]) - edge, 0.0)
        found = LowRank(basis @ turn[:, order], drawn)
        current = np.where(known, table, found.table)
    return found


def chosen_low_rank(
    table: np.ndarray, ranks: Sequence[int], shrinkages: Sequence[float], folds: Sequence[np.ndarray]
) -> tuple[LowRank, int, float]:
    """The low rank with the options of the smallest squared error on left-out entries, from all entries.

    Args:
        table: See `signed_low_rank`.
        ranks, shrinkages: Values that are tried.
        folds: Places in the list of known entries above the diagonal, of each fold.
    """
    first, second = np.nonzero(np.triu(~np.isnan(table), 1))
    errors = {(rank, shrinkage): 0.0 for rank in ranks for shrinkage in shrinkages}
    for fold in folds if len(errors) > 1 else ():
        rows, columns = first[fold], second[fold]
        rest = table.copy()
        rest[rows, columns] = rest[columns, rows] = np.nan
        if np.isnan(rest).all():
            continue
        start = np.linalg.eigh(np.nan_to_num(rest))
        for rank, shrinkage in errors:
            guess = signed_low_rank(rest, rank, shrinkage, start)
            found = ((guess.vectors[rows] * guess.values) * guess.vectors[columns]).sum(axis=1)
            errors[rank, shrinkage] += float(np.square(found - table[rows, columns]).sum())
    rank, shrinkage = min(errors, key=lambda key: errors[key])
    return signed_low_rank(table, rank, shrinkage), rank, shrinkage
