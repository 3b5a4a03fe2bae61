"""Pairs of shells and of their primitives, in Hermite Gaussians, for eight geometries of one molecule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np

from hooke.atoms.quantum._hermite import COEFFICIENTS
from hooke.atoms.quantum._lanes import LANES
from hooke.atoms.quantum.basis import Shells

NEGLIGIBLE = 1e-16  # pairs of primitives whose coefficients are all smaller hold nothing
_REPULSION = np.sqrt(2.0) * np.pi**1.25  # squared it is the 2π^(5/2) of a repulsion integral


@dataclass(frozen=True)
class Pairs:
    """Unordered pairs of shells, those with most p functions first, and the pairs of primitives that are not negligible.

    Attributes:
        shells: Of the molecule.
        positions: (8, atoms, 3) in bohr.
        left, right: (pairs,) shells; the left one has p functions if either has.
        kind: (pairs,) how many of the two have p functions.
        first: (pairs + 1,) first pair of primitives.
        place: (pairs,) row of `values` where its coefficients begin.
        a, b, exponent: (primitives,) of both functions and their sum.
        centre: (primitives, 3, 8) the product's centre.
        values: (coefficients, 8) E of `_hermite.expansion`.
        magnitude: (primitives,) largest of the coefficients, times √(2π^(5/2)) / p.
    """

    shells: Shells
    positions: np.ndarray
    left: np.ndarray
    right: np.ndarray
    kind: np.ndarray
    first: np.ndarray
    place: np.ndarray
    a: np.ndarray
    b: np.ndarray
    exponent: np.ndarray
    centre: np.ndarray
    values: np.ndarray
    magnitude: np.ndarray

    @classmethod
    def of(cls, shells: Shells, positions: np.ndarray) -> Pairs:
        """Of up to eight geometries; lanes that are missing repeat the first.

        Args:
            shells: Of the molecule.
            positions: (geometries, atoms, 3) in bohr.
        """
        lanes = np.concatenate([positions, np.repeat(positions[:1], LANES - len(positions), axis=0)])
        left, right, kind = _sorted_pairs(shells.kind)
        counts = np.array(COEFFICIENTS)[kind]
        most = int((shells.lengths[left] * shells.lengths[right]).sum())
        room = int((shells.lengths[left] * shells.lengths[right] * counts).sum())
        a, b, magnitude = (np.empty(most) for _ in range(3))
        centre, values = np.empty((most, 3, LANES)), np.empty((room, LANES))
        first, place = np.zeros(len(left) + 1, np.int64), np.zeros(len(left), np.int64)
        axes = np.ascontiguousarray(lanes.transpose(1, 2, 0))
        primitives, rows = _fill(
            left, right, kind, counts, shells.atom, shells.lengths, shells.exponents, shells.s, shells.p, axes, NEGLIGIBLE,
            first, place, a, b, centre, values, magnitude,
        )  # fmt: skip
        a, b = a[:primitives].copy(), b[:primitives].copy()
        return cls(
            shells, lanes, left, right, kind, first, place, a, b, a + b, centre[:primitives].copy(), values[:rows].copy(),
            magnitude[:primitives].copy(),
        )  # fmt: skip

    @cached_property
    def repelling(self) -> np.ndarray:
        """(coefficients, 8) `values` times √(2π^(5/2)) / p: products of two of them stand in repulsion integrals."""
        counts = np.array(COEFFICIENTS)[np.repeat(self.kind, np.diff(self.first))]
        return self.values * np.repeat(_REPULSION / self.exponent, counts)[:, None]


def _sorted_pairs(kind: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    left, right = np.tril_indices(len(kind))
    swap = kind[right] > kind[left]
    left, right = np.where(swap, right, left), np.where(swap, left, right)
    both = kind[left] + kind[right]
    order = np.argsort(-both, kind="stable")
    return left[order], right[order], both[order]


@numba.njit(cache=True, nogil=True)
def _fill(  # type: ignore[no-untyped-def]
    left,
    right,
    kind,
    counts,
    atom,
    lengths,
    exponents,
    s,
    p,
    axes,
    negligible,
    first,
    place,
    a,
    b,
    centre,
    values,
    magnitude,
):
    """Fill the arrays of `Pairs`; returns how many pairs of primitives and coefficients there are."""
    primitive, row = 0, 0
    own = np.empty((46, 8))
    one_dimension = np.empty((3, 8, 8))  # PA, PB, 1/2p ... of an axis
    factor = np.empty(8)
    for pair in range(len(left)):
        i, j = left[pair], right[pair]
        first[pair], place[pair] = primitive, row
        for k in range(lengths[i]):
            for m in range(lengths[j]):
                alpha, beta = exponents[i, k], exponents[j, m]
                total = alpha + beta
                half = 0.5 / total
                for lane in range(8):
                    square = 0.0
                    for axis in range(3):
                        apart = axes[atom[i], axis, lane] - axes[atom[j], axis, lane]
                        square += apart * apart
                        one_dimension[axis, 0, lane] = -beta / total * apart
                        one_dimension[axis, 1, lane] = alpha / total * apart
                    factor[lane] = np.exp(-alpha * beta / total * square)
                number = counts[pair]
                ss, ps, sp, pp = s[i, k] * s[j, m], p[i, k] * s[j, m], s[i, k] * p[j, m], p[i, k] * p[j, m]
                for lane in range(8):
                    e = factor[lane]
                    at = 0
                    own[at, lane] = e * ss
                    at += 1
                    if kind[pair] == 2:
                        for other in range(3):
                            own[at, lane] = e * sp * one_dimension[other, 1, lane]
                            own[at + 1, lane] = e * sp * half
                            at += 2
                    if kind[pair] >= 1:
                        for axis in range(3):
                            pa = one_dimension[axis, 0, lane]
                            own[at, lane] = e * ps * pa
                            own[at + 1, lane] = e * ps * half
                            at += 2
                            if kind[pair] == 2:
                                for other in range(3):
                                    pb = one_dimension[other, 1, lane]
                                    if other == axis:
                                        own[at, lane] = e * pp * (pa * pb + half)
                                        own[at + 1, lane] = e * pp * (pa + pb) * half
                                        own[at + 2, lane] = e * pp * half * half
                                        at += 3
                                    else:
                                        own[at, lane] = e * pp * pa * pb
                                        own[at + 1, lane] = e * pp * pa * half
                                        own[at + 2, lane] = e * pp * half * pb
                                        own[at + 3, lane] = e * pp * half * half
                                        at += 4
                largest = 0.0
                for at in range(number):
                    for lane in range(8):
                        largest = max(largest, abs(own[at, lane]))
                if largest < negligible:
                    continue
                for at in range(number):
                    for lane in range(8):
                        values[row + at, lane] = own[at, lane]
                for axis in range(3):
                    for lane in range(8):
                        centre[primitive, axis, lane] = (
                            alpha * axes[atom[i], axis, lane] + beta * axes[atom[j], axis, lane]
                        ) / total
                a[primitive], b[primitive] = alpha, beta
                magnitude[primitive] = largest * np.sqrt(2.0) * np.pi**1.25 / total
                primitive += 1
                row += number
    first[len(left)] = primitive
    return primitive, row
