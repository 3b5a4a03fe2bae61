"""Overlap, kinetic energy, dipole moment and attraction to nuclei of s and p shells, for eight geometries at once.

    S_ss(X) = (π / p)^(3/2) exp(-μ X²),   μ = a b / (a + b),   X = A - B

p functions are derivatives of s functions, x exp(-a r²) = (1 / 2a) ∂/∂A_x exp(-a r²), and S depends on X alone: all of S is made of
derivatives of a Gaussian, and T = -½ ∇²_X S. A nucleus is the limit of an s distribution of infinite exponent, so that
its attraction is a repulsion integral.
"""

from __future__ import annotations

import numba
import numpy as np

from hooke.atoms.quantum._hermite import boys_table
from hooke.atoms.quantum._pairs import Pairs
from hooke.atoms.quantum.repulsion import quartet

POINT = 1e30  # bohr⁻², the exponent of a nucleus


def one_electron(pairs: Pairs, geometries: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Matrices of one molecule.

    Args:
        pairs: Of shells.
        geometries: How many of the lanes are used.

    Returns:
        Overlap, kinetic energy and attraction to the nuclei (geometries, functions, functions), and dipole moments
        (geometries, 3, functions, functions) about the origin.
    """
    shells = pairs.shells
    n = shells.functions
    overlap, kinetic, attraction, dipole = (np.zeros((*size, n, n, 8)) for size in ((), (), (), (3,)))
    axes = np.ascontiguousarray(pairs.positions.transpose(1, 2, 0))
    _fill_overlaps(
        pairs.left, pairs.right, shells.kind, shells.atom, shells.first, shells.lengths, shells.exponents, shells.s, shells.p, axes,
        overlap, kinetic, dipole,
    )  # fmt: skip
    kinds, first, exponent, centre, place, values, magnitude = with_nuclei(pairs)
    _fill_attraction(
        pairs.left, pairs.right, shells.kind, shells.first, kinds, first, exponent, centre, place, values, magnitude, boys_table(), attraction
    )  # fmt: skip
    overlap, kinetic, attraction = (
        np.ascontiguousarray(each.transpose(2, 0, 1)[:geometries]) for each in (overlap, kinetic, attraction)
    )
    return overlap, kinetic, attraction, np.ascontiguousarray(dipole.transpose(3, 0, 1, 2)[:geometries])


def with_nuclei(pairs: Pairs) -> tuple[np.ndarray, ...]:
    """Arrays of `Pairs` with one more pair, whose primitives are the nuclei with their negative charges."""
    charges = pairs.shells.numbers.astype(np.float64)
    count = len(charges)
    weight = -charges * np.sqrt(POINT) * 2 * np.pi / (np.sqrt(2.0) * np.pi**1.25)
    return (
        np.append(pairs.kind, 0),
        np.append(pairs.first, pairs.first[-1] + count),
        np.append(pairs.exponent, np.full(count, POINT)),
        np.concatenate([pairs.centre, pairs.positions.transpose(1, 2, 0)]),
        np.append(pairs.place, len(pairs.values)),
        np.concatenate([pairs.repelling, np.repeat(weight[:, None], 8, axis=1)]),
        np.append(pairs.magnitude, np.abs(weight)),
    )


@numba.njit(cache=True, nogil=True)
def _fill_attraction(  # type: ignore[no-untyped-def]
    left, right, shell_kind, start, kinds, first, exponent, centre, place, values, magnitude, table, out
):
    half, block = np.empty((40, 8)), np.empty((16, 8))
    nuclei = len(left)
    for pair in range(nuclei):
        quartet(
            pair, nuclei, kinds, first, exponent, centre.ctypes.data, place, values.ctypes.data, magnitude, table.ctypes.data,
            half.ctypes.data, block.ctypes.data, 0.0,
        )  # fmt: skip
        ni, nj = 1 + 3 * shell_kind[left[pair]], 1 + 3 * shell_kind[right[pair]]
        for i in range(ni):
            for j in range(nj):
                for lane in range(8):
                    value = block[i * nj + j, lane]
                    out[start[left[pair]] + i, start[right[pair]] + j, lane] = value
                    out[start[right[pair]] + j, start[left[pair]] + i, lane] = value
    return half.size + block.size + centre.size + values.size + table.size


@numba.njit(cache=True, nogil=True)
def derivatives_of_gaussian(mu, apart, out):  # type: ignore[no-untyped-def]
    """out[axis, k] = (d/dX)^k exp(-μ X²) of each axis, k up to 5."""
    for axis in range(3):
        x = apart[axis]
        out[axis, 0] = np.exp(-mu * x * x)
        out[axis, 1] = -2 * mu * x * out[axis, 0]
        for k in range(1, 5):
            out[axis, k + 1] = -2 * mu * (x * out[axis, k] + k * out[axis, k - 1])


@numba.njit(cache=True, nogil=True)
def term(derivatives, i, j, more):  # type: ignore[no-untyped-def]
    """The derivative of the Gaussian that functions i and j (0 for s, 1 to 3 for p) take, and one more along the axis `more` - 1."""
    value = 1.0
    for axis in range(3):
        order = (i == axis + 1) + (j == axis + 1) + (more == axis + 1)
        value *= derivatives[axis, order]
    return value


@numba.njit(cache=True, nogil=True)
def laplacian(derivatives, i, j, more):  # type: ignore[no-untyped-def]
    """∇² of `term`."""
    total = 0.0
    for axis in range(3):
        value = 1.0
        for other in range(3):
            order = (i == other + 1) + (j == other + 1) + (more == other + 1) + 2 * (axis == other)
            value *= derivatives[other, order]
        total += value
    return total


@numba.njit(cache=True, nogil=True)
def _fill_overlaps(  # type: ignore[no-untyped-def]
    left, right, kind, atom, start, lengths, exponents, s, p, axes, overlap, kinetic, dipole
):
    derivatives, apart = np.empty((3, 6)), np.empty(3)
    for pair in range(len(left)):
        one, two = left[pair], right[pair]
        for k in range(lengths[one]):
            for m in range(lengths[two]):
                a, b = exponents[one, k], exponents[two, m]
                for lane in range(8):
                    for axis in range(3):
                        apart[axis] = axes[atom[one], axis, lane] - axes[atom[two], axis, lane]
                    derivatives_of_gaussian(a * b / (a + b), apart, derivatives)
                    for i in range(1 + 3 * kind[one]):
                        for j in range(1 + 3 * kind[two]):
                            before = (s[one, k] if i == 0 else p[one, k] / (2 * a)) * (np.pi / (a + b)) ** 1.5
                            factor = before * (s[two, m] if j == 0 else -p[two, m] / (2 * b))
                            row, column = start[one] + i, start[two] + j
                            plain = factor * term(derivatives, i, j, 0)
                            overlap[row, column, lane] += plain
                            kinetic[row, column, lane] -= 0.5 * factor * laplacian(derivatives, i, j, 0)
                            for axis in range(3):
                                # r = B + r', and x' b = (1 / 2b) (∂b/∂B_x + ∂'b), ∂' of what stands before the exponential
                                value = axes[atom[two], axis, lane] * plain
                                value -= factor / (2 * b) * term(derivatives, i, j, axis + 1)
                                if j == axis + 1:
                                    value += before * p[two, m] / (2 * b) * term(derivatives, i, 0, 0)
                                dipole[axis, row, column, lane] += value
        if one != two:
            for i in range(1 + 3 * kind[one]):
                for j in range(1 + 3 * kind[two]):
                    row, column = start[one] + i, start[two] + j
                    for lane in range(8):
                        overlap[column, row, lane] = overlap[row, column, lane]
                        kinetic[column, row, lane] = kinetic[row, column, lane]
                        for axis in range(3):
                            dipole[axis, column, row, lane] = dipole[axis, row, column, lane]
