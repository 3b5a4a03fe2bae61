"""Kernels of feature rows: generalised Tanimoto similarity of counts, a radial function of other features, and their mean.

    T(x, y) = Σ min(x_f, y_f) / Σ max(x_f, y_f),    1 for two rows of zeros
    R(x, y) = exp(-|x - y|² / 4 m),                 m the median of |x - y|² over pairs of the known rows

T sees counts as they are, R features in standard deviations of the known rows, cut at ±10. Nothing depends on rows other than the known ones
and the one that is compared with them.

Source: T: Ralaivola et al. 2005 (doi:10.1016/j.neunet.2005.07.009), their MinMax kernel, which is positive definite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse

from hooke.core.errors import UsageError
from hooke.evaluate.moments import spread

_MOST = 1 << 15  # of one feature of one row
_FREQUENT = 0.05  # share of the known rows from which a unit is multiplied densely
_CUT = 10.0
_PAIRS = 1000  # known rows whose distances give the median


@dataclass(frozen=True)
class MeanKernel:
    """The mean of T over each block of counts and of R over each other block, against known rows.

    Attributes:
        counts: Widths of the leading blocks of counts.
        radial: Widths of the blocks that follow them.
        known: (n, sum of counts) int32, sparse, of the known rows.
        profiles: (n, sum of radial) float64, standardised and cut.
        shift, scale: (sum of radial,) mean and standard deviation of the known rows (1 where it is 0).
        medians: (radial blocks,) m of each.
    """

    counts: tuple[int, ...]
    radial: tuple[int, ...]
    known: scipy.sparse.csr_array
    profiles: np.ndarray
    shift: np.ndarray
    scale: np.ndarray
    medians: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray, counts: Sequence[int] = (), radial: Sequence[int] = ()) -> MeanKernel:
        """The kernel against these rows.

        Args:
            rows: (n, features): blocks of counts, then others; features beyond the named widths are one more block of R.
            counts: Widths of the blocks of counts.
            radial: Widths of the blocks of R.

        Raises:
            UsageError: There are fewer features than that, or counts are no whole numbers of at least 0.
        """
        rest = rows.shape[1] - sum(counts) - sum(radial)
        if rest < 0:
            raise UsageError(
                f"kernel blocks of {sum(counts) + sum(radial):,} features, and there are {rows.shape[1]:,}"
            )
        radial = (*radial, rest) if rest else tuple(radial)
        other = np.asarray(rows[:, sum(counts) :], np.float64)
        shift, scale = other.mean(axis=0), spread(other)
        profiles = _standardised(other, shift, scale)
        some = profiles[np.linspace(0, len(rows) - 1, min(len(rows), _PAIRS)).astype(np.int64)]
        above = np.triu_indices(len(some), 1)
        medians = [np.median(squared_distances(some[:, part], some[:, part])[above]) for part in _parts(radial)]
        known = _sparse(rows[:, : sum(counts)])
        return cls(
            tuple(counts), radial, known, profiles, shift, scale, np.array([m if m > 0 else 1.0 for m in medians])
        )

    def against(self, rows: np.ndarray) -> np.ndarray:
        """(m, n) float64 kernel of new rows with the known ones; see `of` for their columns."""
        width = sum(self.counts)
        counts, profiles = _sparse(rows[:, :width]), _standardised(rows[:, width:], self.shift, self.scale)
        counted = np.zeros((len(profiles), len(self.profiles)))
        for part, units in zip(_parts(self.counts), self._units, strict=True):
            counted += units.tanimoto(counts[:, part])
        distances = [squared_distances(profiles[:, part], self.profiles[:, part]) for part in _parts(self.radial)]
        return self._averaged(counted, distances, self.medians)

    def among(self) -> np.ndarray:
        """(n, n) float64 kernel of the known rows with each other."""
        return self.among_stretched((1.0,))[0]

    def among_stretched(self, stretches: Sequence[float]) -> list[np.ndarray]:
        """`among` for each of the factors by which all m are stretched; T and the distances are computed once."""
        counted = np.zeros((len(self.profiles), len(self.profiles)))
        for units in self._units:
            counted += units.tanimoto_among()
        parts = [self.profiles[:, part] for part in _parts(self.radial)]
        distances = [squared_distances(part, part) for part in parts]
        return [self._averaged(counted, distances, self.medians * stretch) for stretch in stretches]

    def taken(self, rows: np.ndarray) -> MeanKernel:
        """Against some of the known rows alone, everything else staying as it is."""
        return MeanKernel(
            self.counts, self.radial, self.known[rows], self.profiles[rows], self.shift, self.scale, self.medians
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """All of it but the widths, as plain arrays."""
        return {
            "count_starts": self.known.indptr.astype(np.int64), "count_features": self.known.indices.astype(np.int32),
            "count_values": self.known.data.astype(np.int32), "profiles": self.profiles, "shift": self.shift, "scale": self.scale,
            "medians": self.medians, "widths": np.array([len(self.counts), *self.counts, *self.radial], np.int64),
        }  # fmt: skip

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> MeanKernel:
        """Back from `arrays`."""
        leading, *widths = arrays["widths"].tolist()
        counts, radial = tuple(widths[:leading]), tuple(widths[leading:])
        parts = arrays["count_values"], arrays["count_features"], arrays["count_starts"]
        known = scipy.sparse.csr_array(parts, shape=(len(arrays["profiles"]), sum(counts)))
        return cls(counts, radial, known, *(arrays[name] for name in ("profiles", "shift", "scale", "medians")))

    @cached_property
    def _units(self) -> list[_Units]:
        """Of each block of counts."""
        return [_Units.of(self.known[:, part]) for part in _parts(self.counts)]

    def _averaged(self, counted: np.ndarray, distances: Sequence[np.ndarray], medians: np.ndarray) -> np.ndarray:
        """The kernel from the sum of T over the blocks of counts and the squared distances of the others."""
        out = counted.copy()
        for squared, median in zip(distances, medians, strict=True):
            out += np.exp(squared / (-4 * median))
        return out / max(len(self.counts) + len(self.radial), 1)


@dataclass(frozen=True)
class _Units:
    """Counts of known rows as units: the k-th of feature f is there where f is counted k times or more, so that Σ min(x, y) is a product.

    Units are multiplied in float32, which holds sums below 2^24 exactly; frequent ones densely, the others sparsely.

    Attributes:
        names: (units,) ascending f × 2^15 + k.
        frequent: (units,) bool.
        dense: (n, frequent units) float32.
        rare: (n, other units) float32, sparse.
        sizes: (n,) sums of the counts.
    """

    names: np.ndarray
    frequent: np.ndarray
    dense: np.ndarray
    rare: scipy.sparse.csr_array
    sizes: np.ndarray

    @classmethod
    def of(cls, counts: scipy.sparse.csr_array) -> _Units:
        row, name = _expanded(counts)
        names, place = np.unique(name, return_inverse=True)
        units = _ones(row, place, (counts.shape[0], len(names)))
        frequent = np.bincount(place, minlength=len(names)) > _FREQUENT * counts.shape[0]
        dense = units[:, np.flatnonzero(frequent)].toarray()
        return cls(names, frequent, dense, units[:, np.flatnonzero(~frequent)], _sizes(counts))

    def tanimoto(self, counts: scipy.sparse.csr_array) -> np.ndarray:
        """(m, n) float64 T of other rows with the known ones."""
        row, name = _expanded(counts)
        place = np.minimum(np.searchsorted(self.names, name), max(len(self.names) - 1, 0))
        both = self.names[place] == name if len(self.names) else np.zeros(len(name), bool)
        units = _ones(row[both], place[both], (counts.shape[0], len(self.names)))
        dense, rare = units[:, np.flatnonzero(self.frequent)].toarray(), units[:, np.flatnonzero(~self.frequent)]
        return self._similarity(dense, rare, _sizes(counts))

    def tanimoto_among(self) -> np.ndarray:
        """(n, n) float64 T of the known rows with each other."""
        return self._similarity(self.dense, self.rare, self.sizes)

    def _similarity(self, dense: np.ndarray, rare: scipy.sparse.csr_array, sizes: np.ndarray) -> np.ndarray:
        shared = (dense @ self.dense.T).astype(np.float64) + (rare @ self.rare.T).toarray()
        either = sizes[:, None] + self.sizes - shared
        return np.divide(shared, either, out=np.ones_like(shared), where=either > 0)


def squared_distances(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(m, n) |x - y|² of the rows of two matrices."""
    square = np.square(left).sum(axis=1)[:, None] + np.square(right).sum(axis=1)
    return np.maximum(square - 2 * left @ right.T, 0.0)


def _standardised(rows: np.ndarray, shift: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.clip((rows - shift) / scale, -_CUT, _CUT)


def _parts(widths: Sequence[int]) -> list[slice]:
    ends = np.cumsum(widths).tolist()
    return [slice(end - width, end) for width, end in zip(widths, ends, strict=True)]


def _sparse(counts: np.ndarray) -> scipy.sparse.csr_array:
    """Counts as int32.

    Raises:
        UsageError: They are no whole numbers of at least 0.
    """
    whole = np.rint(counts)
    if counts.size and (not np.array_equal(whole, counts) or counts.min() < 0 or counts.max() >= _MOST):
        raise UsageError(f"counts must be whole numbers of at least 0 and below {_MOST:,}")
    return scipy.sparse.csr_array(whole.astype(np.int32))


def _expanded(counts: scipy.sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Row and name of every unit."""
    times = counts.data.astype(np.int64)
    row = np.repeat(np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr)), times)
    order = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
    return row, np.repeat(counts.indices.astype(np.int64) * _MOST, times) + order


def _ones(row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> scipy.sparse.csr_array:
    return scipy.sparse.csr_array((np.ones(len(row), np.float32), (row, column)), shape=shape)


def _sizes(counts: scipy.sparse.csr_array) -> np.ndarray:
    return np.asarray(counts.sum(axis=1, dtype=np.float64)).ravel()
