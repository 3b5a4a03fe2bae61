"""Derivatives of the energy by the nuclei, of all that integrals of s and p shells contribute to it.

    dE/dA = Σ D_ij ∂(T_ij + V_ij)/∂A - Σ W_ij ∂S_ij/∂A + Σ Γ_ijkl ∂(ij|kl)/∂A + ∂E_nuclei/∂A
    Γ_ijkl = ½ D_ij D_kl - ¼ c D_ik D_jl

with the density matrix D of doubly occupied orbitals, W the same with each orbital times its energy, and c the share of exact exchange.
A pair of primitives moves with its centre P and changes with A - B: ∂/∂A = (a / p) ∂/∂P + ∂/∂(A - B), ∂/∂B = (b / p) ∂/∂P - ∂/∂(A - B).
"""

from __future__ import annotations

import numba
import numpy as np

from hooke.atoms.quantum._hermite import COEFFICIENTS, boys_table, interact, push
from hooke.atoms.quantum._lanes import BYTES, LANES, load, store
from hooke.atoms.quantum._pairs import Pairs
from hooke.atoms.quantum.one_electron import derivatives_of_gaussian, laplacian, term, with_nuclei
from hooke.atoms.quantum.repulsion import NEGLIGIBLE, clear


def integral_gradient(pairs: Pairs, density: np.ndarray, weighted: np.ndarray, exchange: float) -> np.ndarray:
    """(geometries, atoms, 3) dE/dA in hartree/bohr, without exchange and correlation by a functional.

    Args:
        pairs: Of shells.
        density: (geometries, functions, functions) D.
        weighted: (geometries, functions, functions) W.
        exchange: c.
    """
    shells, count = pairs.shells, len(density)
    axes = np.ascontiguousarray(pairs.positions.transpose(1, 2, 0))
    lanes = [np.zeros((shells.functions, shells.functions, LANES)) for _ in range(2)]
    for lane, given in zip(lanes, (density, weighted), strict=True):
        lane[..., :count] = given.transpose(1, 2, 0)
    gradient = np.zeros((len(shells.numbers), 3, LANES))
    _overlaps(
        pairs.left, pairs.right, shells.kind, shells.atom, shells.first, shells.lengths, shells.exponents, shells.s, shells.p, axes, lanes[0],
        lanes[1], gradient,
    )  # fmt: skip
    kinds, first, exponent, centre, place, values, magnitude = with_nuclei(pairs)
    slopes = _slopes_of(pairs)
    _repulsions(
        pairs.left, pairs.right, shells.atom, shells.kind, shells.first, kinds, first, pairs.a, pairs.b, exponent, centre, place, values,
        slopes, magnitude, boys_table(), lanes[0], exchange, NEGLIGIBLE, gradient,
    )  # fmt: skip
    return gradient.transpose(2, 0, 1)[:count] + nuclear_gradient(shells.numbers, pairs.positions[:count])


def nuclear_repulsion(numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(geometries,) energy of the nuclei among themselves, in hartree.

    Args:
        numbers: (atoms,) charges.
        positions: (geometries, atoms, 3) in bohr.
    """
    first, second = np.triu_indices(len(numbers), 1)
    distance = np.linalg.norm(positions[:, first] - positions[:, second], axis=-1)
    charges = numbers.astype(np.float64)
    return (charges[first] * charges[second] / distance).sum(-1)


def nuclear_gradient(numbers: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(geometries, atoms, 3) derivative of `nuclear_repulsion`."""
    apart = positions[:, :, None] - positions[:, None]
    distance = np.linalg.norm(apart, axis=-1)
    charges = numbers.astype(np.float64)
    with np.errstate(divide="ignore"):
        cubed = np.where(distance > 0, distance**-3.0, 0.0)
    return -((charges[:, None] * charges)[..., None] * apart * cubed[..., None]).sum(2)


def _slopes_of(pairs: Pairs) -> np.ndarray:
    """(coefficients · 3, 8) derivatives of `Pairs.repelling` along A - B; coefficient by coefficient x, y, z."""
    shells = pairs.shells
    axes = np.ascontiguousarray(pairs.positions.transpose(1, 2, 0))
    out = np.empty((3 * len(pairs.values), LANES))
    _fill_slopes(
        pairs.left, pairs.right, pairs.kind, np.array(COEFFICIENTS)[pairs.kind], shells.atom, pairs.first, pairs.place, pairs.a, pairs.b,
        shells.lengths, shells.exponents, shells.s, shells.p, axes, pairs.repelling, out,
    )  # fmt: skip
    return out


@numba.njit(cache=True, nogil=True)
def _fill_slopes(  # type: ignore[no-untyped-def]
    left, right, kind, counts, atom, first, place, a, b, lengths, exponents, s, p, axes, values, out
):
    slope = np.zeros((46, 3))
    for pair in range(len(left)):
        i, j, number = left[pair], right[pair], counts[pair]
        for primitive in range(first[pair], first[pair + 1]):
            alpha, beta = a[primitive], b[primitive]
            total = alpha + beta
            k, m = 0, 0
            while exponents[i, k] != alpha:
                k += 1
            while exponents[j, m] != beta:
                m += 1
            scale = np.sqrt(2.0) * np.pi**1.25 / total
            half, mu = 0.5 / total, alpha * beta / total
            by_a, by_b = -beta / total, alpha / total  # derivatives of PA and PB
            ps, sp, pp = scale * p[i, k] * s[j, m], scale * s[i, k] * p[j, m], scale * p[i, k] * p[j, m]
            row = place[pair] + number * (primitive - first[pair])
            for lane in range(8):
                square = 0.0
                for axis in range(3):
                    apart = axes[atom[i], axis, lane] - axes[atom[j], axis, lane]
                    square += apart * apart
                e = np.exp(-mu * square)
                slope[:] = 0.0
                at = 1
                if kind[pair] == 2:
                    for other in range(3):
                        slope[at, other] = e * sp * by_b
                        at += 2
                if kind[pair] >= 1:
                    for axis in range(3):
                        slope[at, axis] = e * ps * by_a
                        at += 2
                        if kind[pair] == 2:
                            apart = axes[atom[i], axis, lane] - axes[atom[j], axis, lane]
                            pa = by_a * apart
                            for other in range(3):
                                pb = by_b * (axes[atom[i], other, lane] - axes[atom[j], other, lane])
                                if other == axis:
                                    slope[at, axis] = e * pp * (by_a * pb + pa * by_b)
                                    slope[at + 1, axis] = e * pp * (by_a + by_b) * half
                                    at += 3
                                else:
                                    slope[at, axis] = e * pp * by_a * pb
                                    slope[at, other] = e * pp * pa * by_b
                                    slope[at + 1, axis] = e * pp * by_a * half
                                    slope[at + 2, other] = e * pp * half * by_b
                                    at += 4
                for coefficient in range(number):
                    for axis in range(3):
                        apart = axes[atom[i], axis, lane] - axes[atom[j], axis, lane]
                        out[3 * (row + coefficient) + axis, lane] = (
                            slope[coefficient, axis] - 2 * mu * apart * values[row + coefficient, lane]
                        )


@numba.njit(cache=True, nogil=True)
def _overlaps(  # type: ignore[no-untyped-def]
    left, right, kind, atom, start, lengths, exponents, s, p, axes, density, weighted, gradient
):
    """Σ D ∂T - Σ W ∂S."""
    derivatives, apart = np.empty((3, 6)), np.empty(3)
    for pair in range(len(left)):
        one, two = left[pair], right[pair]
        if atom[one] == atom[two]:
            continue
        for k in range(lengths[one]):
            for m in range(lengths[two]):
                a, b = exponents[one, k], exponents[two, m]
                for lane in range(8):
                    for axis in range(3):
                        apart[axis] = axes[atom[one], axis, lane] - axes[atom[two], axis, lane]
                    derivatives_of_gaussian(a * b / (a + b), apart, derivatives)
                    for i in range(1 + 3 * kind[one]):
                        for j in range(1 + 3 * kind[two]):
                            factor = (s[one, k] if i == 0 else p[one, k] / (2 * a)) * (np.pi / (a + b)) ** 1.5
                            factor *= 2 * (s[two, m] if j == 0 else -p[two, m] / (2 * b))
                            d = -0.5 * factor * density[start[one] + i, start[two] + j, lane]
                            w = -factor * weighted[start[one] + i, start[two] + j, lane]
                            for axis in range(3):
                                value = d * laplacian(derivatives, i, j, axis + 1) + w * term(
                                    derivatives, i, j, axis + 1
                                )
                                gradient[atom[one], axis, lane] += value
                                gradient[atom[two], axis, lane] -= value


@numba.njit(cache=True, nogil=True)
def _repulsions(  # type: ignore[no-untyped-def]
    left, right, atom, shell_kind, start, kinds, first, a, b, exponent, centre, place, values, slopes, magnitude, table, density, exchange,
    threshold, gradient,
):  # fmt: skip
    """Every pair as bra beside every pair as ket, the nuclei as one pair among them."""
    half, weights, along, nothing = np.empty((320, 8)), np.empty((256, 8)), np.empty((6, 8)), np.zeros((3, 8))
    nuclei = len(left)
    n = density.shape[0]
    for bra in range(nuclei + 1):
        size = 4 if kinds[bra] == 0 else (10 if kinds[bra] == 1 else 20)
        number = 1 if kinds[bra] == 0 else (7 if kinds[bra] == 1 else 46)
        for ket in range(nuclei + 1):
            if bra == nuclei and ket == nuclei:
                continue
            products = 1 if kinds[ket] == 0 else (4 if kinds[ket] == 1 else 16)
            _weigh(
                bra, ket, nuclei, left, right, shell_kind, start, density.ctypes.data, n, exchange, weights.ctypes.data
            )
            width = 1 if kinds[ket] == 0 else (7 if kinds[ket] == 1 else 46)
            for i in range(first[bra], first[bra + 1]):
                clear(half.ctypes.data, size * products)
                any_pair = False
                for j in range(first[ket], first[ket + 1]):
                    if bra != nuclei and ket != nuclei and magnitude[i] * magnitude[j] < threshold:
                        continue
                    any_pair = True
                    _interact(
                        kinds[bra], kinds[ket], exponent[i], exponent[j], centre.ctypes.data + 3 * BYTES * i, centre.ctypes.data + 3 * BYTES * j,
                        values.ctypes.data + BYTES * (place[ket] + width * (j - first[ket])), half.ctypes.data, table.ctypes.data,
                    )  # fmt: skip
                if not any_pair:
                    continue
                clear(along.ctypes.data, 6)
                row = place[bra] + number * (i - first[bra])
                at_slopes = nothing.ctypes.data if bra == nuclei else slopes.ctypes.data + 3 * BYTES * row
                _push(
                    kinds[bra], kinds[ket], values.ctypes.data + BYTES * row, at_slopes, half.ctypes.data, weights.ctypes.data, along.ctypes.data
                )  # fmt: skip
                for axis in range(3):
                    for lane in range(8):
                        if bra == nuclei:
                            gradient[i - first[bra], axis, lane] += along[axis, lane]
                        else:
                            centred, apart = along[axis, lane] / exponent[i], along[3 + axis, lane]
                            gradient[atom[left[bra]], axis, lane] += a[i] * centred + apart
                            gradient[atom[right[bra]], axis, lane] += b[i] * centred - apart
    return (
        half.size
        + weights.size
        + along.size
        + nothing.size
        + centre.size
        + values.size
        + slopes.size
        + table.size
        + density.size
    )


@numba.njit(cache=True, nogil=True)
def _weigh(bra, ket, nuclei, left, right, shell_kind, start, at_d, n, exchange, at_w):  # type: ignore[no-untyped-def]
    """weights[ij][kl] = 2 Γ_ijkl, as often as the two pairs of shells occur; D_ij beside the nuclei."""
    row = BYTES * n
    if bra == nuclei or ket == nuclei:
        pair = ket if bra == nuclei else bra
        twice = 1.0 if left[pair] == right[pair] else 2.0
        i0, j0 = start[left[pair]], start[right[pair]]
        for i in range(i0, i0 + 1 + 3 * shell_kind[left[pair]]):
            for j in range(j0, j0 + 1 + 3 * shell_kind[right[pair]]):
                store(at_w, load(at_d + row * i + BYTES * j) * twice)
                at_w += BYTES
        return
    weight = 1.0 if left[bra] == right[bra] else 2.0
    weight *= 1.0 if left[ket] == right[ket] else 2.0
    share = -0.25 * exchange * weight
    i0, j0, k0, l0 = start[left[bra]], start[right[bra]], start[left[ket]], start[right[ket]]
    for i in range(i0, i0 + 1 + 3 * shell_kind[left[bra]]):
        for j in range(j0, j0 + 1 + 3 * shell_kind[right[bra]]):
            d_ij = load(at_d + row * i + BYTES * j) * weight
            for k in range(k0, k0 + 1 + 3 * shell_kind[left[ket]]):
                d_ik, d_jk = load(at_d + row * i + BYTES * k), load(at_d + row * j + BYTES * k)
                for m in range(l0, l0 + 1 + 3 * shell_kind[right[ket]]):
                    crossed = d_ik * load(at_d + row * j + BYTES * m) + d_jk * load(at_d + row * i + BYTES * m)
                    store(at_w, d_ij * load(at_d + row * k + BYTES * m) + crossed * share)
                    at_w += BYTES


@numba.njit(cache=True, nogil=True)
def _interact(bra, ket, p, q, at_p, at_q, at_e, half, table):  # type: ignore[no-untyped-def]
    if bra == 2:
        if ket == 2:
            interact(2, 2, 1, p, q, at_p, at_q, at_e, half, table)
        elif ket == 1:
            interact(2, 1, 1, p, q, at_p, at_q, at_e, half, table)
        else:
            interact(2, 0, 1, p, q, at_p, at_q, at_e, half, table)
    elif bra == 1:
        if ket == 2:
            interact(1, 2, 1, p, q, at_p, at_q, at_e, half, table)
        elif ket == 1:
            interact(1, 1, 1, p, q, at_p, at_q, at_e, half, table)
        else:
            interact(1, 0, 1, p, q, at_p, at_q, at_e, half, table)
    elif ket == 2:
        interact(0, 2, 1, p, q, at_p, at_q, at_e, half, table)
    elif ket == 1:
        interact(0, 1, 1, p, q, at_p, at_q, at_e, half, table)
    else:
        interact(0, 0, 1, p, q, at_p, at_q, at_e, half, table)


@numba.njit(cache=True, nogil=True)
def _push(bra, ket, at_e, at_slopes, half, weights, along):  # type: ignore[no-untyped-def]
    if bra == 2:
        if ket == 2:
            push(2, 2, at_e, at_slopes, half, weights, along)
        elif ket == 1:
            push(2, 1, at_e, at_slopes, half, weights, along)
        else:
            push(2, 0, at_e, at_slopes, half, weights, along)
    elif bra == 1:
        if ket == 2:
            push(1, 2, at_e, at_slopes, half, weights, along)
        elif ket == 1:
            push(1, 1, at_e, at_slopes, half, weights, along)
        else:
            push(1, 0, at_e, at_slopes, half, weights, along)
    elif ket == 2:
        push(0, 2, at_e, at_slopes, half, weights, along)
    elif ket == 1:
        push(0, 1, at_e, at_slopes, half, weights, along)
    else:
        push(0, 0, at_e, at_slopes, half, weights, along)
