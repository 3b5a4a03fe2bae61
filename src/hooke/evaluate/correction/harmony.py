"""Harmony: soft clusters in which batches are mixed, and a linear shift of every batch in every cluster.

Rounds of: soft k-means on the unit sphere, R_ik proportional to exp(-2 (1 - Y_k . z_i) / width) ((E_kb + 1) / (O_kb + 1))^diversity, with
expected and observed shares E and O of batch b in cluster k; then ridge regression of x on [1, batch] in each cluster, weighted by R,
and x <- x - sum_k R_ik beta_kb.

Source: Korsunsky et al. 2019, algorithms 1 to 3; new batches as in Kang et al. 2021 (Symphony).
Differs: fitted batches go through the same map as new rows of theirs would (cluster shares by iteration), so that a saved object
gives what fitting gave. No library is used: those in wide use are GPL and cannot correct a new plate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hooke.core.errors import DataError, UsageError
from hooke.evaluate.correction.base import Correction, by_batch, checked


@dataclass(frozen=True)
class Harmony(Correction):
    """Fitted clusters and shifts.

    Attributes:
        names: (b,) batches.
        centroids: (k, d) of length one.
        penalties: (k, b) log of the diversity factor.
        shifts: (k, b, d).
        sizes: (k,) rows in each cluster.
        sums: (k, d) sum of corrected rows in each cluster.
        width: Of the soft assignment.
        ridge: Of the regression.
    """

    names: np.ndarray
    centroids: np.ndarray
    penalties: np.ndarray
    shifts: np.ndarray
    sizes: np.ndarray
    sums: np.ndarray
    width: np.ndarray
    ridge: np.ndarray
    method: ClassVar[str] = "harmony"

    def transform(self, values: np.ndarray, batches: np.ndarray, controls: np.ndarray | None = None) -> np.ndarray:
        """See `Correction.transform`; a new batch needs no controls."""
        precision = np.asarray(values).dtype
        values, batches, _ = checked(values, batches, controls)
        if values.shape[1] != self.centroids.shape[1]:
            raise DataError(
                f"harmony was fitted on {self.centroids.shape[1]} features, these rows have {values.shape[1]}"
            )
        known = {str(name): place for place, name in enumerate(self.names)}
        out = np.empty_like(values)
        for name, rows in by_batch(batches):
            if name in known:
                place = known[name]
                out[rows] = self._known(values[rows], self.penalties[:, place], self.shifts[:, place])
            else:
                out[rows] = self._new(values[rows])
        return out.astype(precision if precision.kind == "f" else np.float32)

    def _known(self, values: np.ndarray, penalty: np.ndarray, shifts: np.ndarray) -> np.ndarray:
        corrected = values
        for _ in range(_REPEATS):
            corrected = values - _shares(_unit(corrected), self.centroids, float(self.width), penalty) @ shifts
        return corrected

    def _new(self, values: np.ndarray) -> np.ndarray:
        shares = _shares(_unit(values), self.centroids, float(self.width), 0.0)
        corrected = values.copy()
        for cluster, share in enumerate(shares.T):
            weight = share.sum()
            total = share @ values
            # intercept shared with the fitted rows, which have no shift; one shift for the new batch
            left = np.array([[self.sizes[cluster] + weight, weight], [weight, weight + float(self.ridge)]])
            shift = np.linalg.solve(left, np.stack([self.sums[cluster] + total, total]))[1]
            corrected -= share[:, None] * shift
        return corrected


FITTED = Harmony
_REPEATS = 8


def fit(
    values: np.ndarray,
    batches: np.ndarray,
    controls: np.ndarray,
    *,
    generator: np.random.Generator | None = None,
    clusters: int | None = None,
    diversity: float = 2.0,
    width: float = 0.1,
    ridge: float = 1.0,
    rounds: int = 10,
    tolerance: float = 1e-4,
) -> Harmony:
    """Fit clusters and shifts; controls are not used.

    Args:
        values, batches, controls: See `correction.fit`.
        generator: Draws the first centroids and the order of updates; one seeded with 0 when None.
        clusters: None for a thirtieth of the rows, between 2 and 100.
        diversity: Strength of the mixing of batches ("theta").
        width: Of the soft assignment ("sigma").
        ridge: Of the shifts ("lambda").
        rounds: At most so many.
        tolerance: Stop when the corrected values move by less than this share.

    Raises:
        UsageError: More clusters than rows.
    """
    values, batches, _ = checked(values, batches, controls)
    generator = generator or np.random.default_rng(0)
    count = int(clusters or min(max(len(values) // 30, 2), 100))
    if count > len(values):
        raise UsageError(f"{count} clusters for {len(values)} rows")
    names, codes = np.unique(batches, return_inverse=True)
    batch_shares = np.bincount(codes) / len(codes)
    corrected, shares = values, _first_shares(values, count, width, generator)
    for _ in range(rounds):
        unit = _unit(corrected)
        shares, centroids, penalties = _cluster(unit, shares, codes, batch_shares, width, diversity, generator)
        shifts = _regress(values, shares, codes, len(names), ridge)
        before = corrected
        corrected = values - _applied(shares, shifts, codes)
        if np.linalg.norm(corrected - before) < tolerance * float(np.linalg.norm(before)):
            break
    return Harmony(
        names, centroids, penalties, shifts, shares.sum(axis=0), shares.T @ corrected, np.array(width), np.array(ridge)
    )


def _unit(values: np.ndarray) -> np.ndarray:
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)


def _shares(unit: np.ndarray, centroids: np.ndarray, width: float, penalty: np.ndarray | float) -> np.ndarray:
    """(n, k) soft assignment; rows sum to 1."""
    logits = -2 * (1 - unit @ centroids.T) / width + penalty
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def _first_shares(values: np.ndarray, count: int, width: float, generator: np.random.Generator) -> np.ndarray:
    from sklearn.cluster import KMeans

    unit = _unit(values)
    means = KMeans(count, n_init=1, max_iter=25, random_state=int(generator.integers(2**31))).fit(unit)
    return _shares(unit, _unit(means.cluster_centers_), width, 0.0)


def _cluster(
    unit: np.ndarray, shares: np.ndarray, codes: np.ndarray, batch_shares: np.ndarray, width: float, diversity: float,
    generator: np.random.Generator, rounds: int = 20, tolerance: float = 1e-3,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Shares, centroids and (k, b) penalties after soft k-means with mixing, updated block of rows by block of rows."""
    one_hot = np.eye(len(batch_shares))[codes]
    observed = shares.T @ one_hot
    for _ in range(rounds):
        before = shares.copy()
        centroids = _unit(shares.T @ unit)
        for block in np.array_split(generator.permutation(len(unit)), min(20, len(unit))):
            observed -= shares[block].T @ one_hot[block]
            penalties = diversity * np.log((observed.sum(axis=1, keepdims=True) * batch_shares + 1) / (observed + 1))
            shares[block] = _shares(unit[block], centroids, width, penalties.T[codes[block]])
            observed += shares[block].T @ one_hot[block]
        if np.abs(shares - before).mean() * shares.shape[1] < tolerance:
            break
    penalties = diversity * np.log((observed.sum(axis=1, keepdims=True) * batch_shares + 1) / (observed + 1))
    return shares, centroids, penalties


def _regress(values: np.ndarray, shares: np.ndarray, codes: np.ndarray, batches: int, ridge: float) -> np.ndarray:
    """(k, b, d) shifts of each batch in each cluster; the intercept is left out, so that clusters stay where they are."""
    shifts = np.empty((shares.shape[1], batches, values.shape[1]))
    for cluster, share in enumerate(shares.T):
        weights = np.bincount(codes, share, batches)
        totals = np.zeros((batches, values.shape[1]))
        np.add.at(totals, codes, share[:, None] * values)
        left = np.zeros((batches + 1, batches + 1))
        left[0, 0], left[0, 1:], left[1:, 0] = weights.sum(), weights, weights
        left[1:, 1:] = np.diag(weights + ridge)
        right = np.vstack([totals.sum(axis=0), totals])
        shifts[cluster] = np.linalg.solve(left, right)[1:]
    return shifts


def _applied(shares: np.ndarray, shifts: np.ndarray, codes: np.ndarray) -> np.ndarray:
    out = np.empty((len(shares), shifts.shape[2]))
    for batch in range(shifts.shape[1]):
        rows = codes == batch
        out[rows] = shares[rows] @ shifts[:, batch]
    return out
