"""Electron repulsion integrals of s and p shells, kept for a self-consistent field."""

from __future__ import annotations

import numba
import numpy as np

from hooke.atoms.quantum._hermite import PRODUCTS, boys_table, complete, interact
from hooke.atoms.quantum._lanes import BYTES, LANES, load, spread, store
from hooke.atoms.quantum._pairs import Pairs

NEGLIGIBLE = 1e-15  # products of two pairs of primitives that are at most this large are left out


@numba.njit(cache=True, nogil=True)
def clear(address, count):  # type: ignore[no-untyped-def]
    """Write zeros in so many vectors."""
    zero = spread(0.0)
    for number in range(count):
        store(address + BYTES * number, zero)


@numba.njit(cache=True, nogil=True)
def quartet(  # type: ignore[no-untyped-def]
    bra, ket, kinds, first, exponent, centre, place, values, magnitude, table, half, block, threshold
):
    """One block of integrals, in the lanes of `block`."""
    kb, kk = kinds[bra], kinds[ket]
    products = 1 if kk == 0 else (4 if kk == 1 else 16)
    ours = 1 if kb == 0 else (4 if kb == 1 else 16)
    size = 1 if kb == 0 else (4 if kb == 1 else 10)
    nb, nk = 1 if kb == 0 else (7 if kb == 1 else 46), 1 if kk == 0 else (7 if kk == 1 else 46)
    clear(block, ours * products)
    for i in range(first[bra], first[bra + 1]):
        clear(half, size * products)
        any_pair = False
        at_p = centre + 3 * BYTES * i
        p = exponent[i]
        for j in range(first[ket], first[ket + 1]):
            if magnitude[i] * magnitude[j] < threshold:
                continue
            any_pair = True
            q = exponent[j]
            at_q = centre + 3 * BYTES * j
            at_e = values + BYTES * (place[ket] + nk * (j - first[ket]))
            if kb == 2:
                if kk == 2:
                    interact(2, 2, 0, p, q, at_p, at_q, at_e, half, table)
                elif kk == 1:
                    interact(2, 1, 0, p, q, at_p, at_q, at_e, half, table)
                else:
                    interact(2, 0, 0, p, q, at_p, at_q, at_e, half, table)
            elif kb == 1:
                if kk == 1:
                    interact(1, 1, 0, p, q, at_p, at_q, at_e, half, table)
                else:
                    interact(1, 0, 0, p, q, at_p, at_q, at_e, half, table)
            else:
                interact(0, 0, 0, p, q, at_p, at_q, at_e, half, table)
        if not any_pair:
            continue
        at_b = values + BYTES * (place[bra] + nb * (i - first[bra]))
        if kb == 2:
            if kk == 2:
                complete(2, 2, at_b, half, block)
            elif kk == 1:
                complete(2, 1, at_b, half, block)
            else:
                complete(2, 0, at_b, half, block)
        elif kb == 1:
            if kk == 1:
                complete(1, 1, at_b, half, block)
            else:
                complete(1, 0, at_b, half, block)
        else:
            complete(0, 0, at_b, half, block)
    return ours * products


@numba.njit(cache=True, nogil=True)
def _all_quartets(kinds, first, exponent, centre, place, values, magnitude, table, threshold, out):  # type: ignore[no-untyped-def]
    half, block = np.empty((160, 8)), np.empty((256, 8))
    at_half, at_block = half.ctypes.data, block.ctypes.data
    at_centre, at_values, at_table = centre.ctypes.data, values.ctypes.data, table.ctypes.data
    lanes = out.shape[1]
    offset = 0
    for bra in range(len(kinds)):
        for ket in range(bra, len(kinds)):
            size = quartet(
                bra,
                ket,
                kinds,
                first,
                exponent,
                at_centre,
                place,
                at_values,
                magnitude,
                at_table,
                at_half,
                at_block,
                threshold,
            )
            for number in range(size):
                for lane in range(lanes):
                    out[offset + number, lane] = block[number, lane]
            offset += size
    return offset + 0 * (half.size + block.size + centre.size + values.size + table.size)


@numba.njit(cache=True, nogil=True)
def _weight(left, right, bra, ket):  # type: ignore[no-untyped-def]
    """Half for every two equal indices, whose integrals are met twice."""
    weight = 1.0
    if left[bra] == right[bra]:
        weight *= 0.5
    if left[ket] == right[ket]:
        weight *= 0.5
    if bra == ket:
        weight *= 0.5
    return weight


@numba.njit(cache=True, nogil=True)
def _digest(left, right, kinds, start, width, integrals, density, coulomb, exchange, functions):  # type: ignore[no-untyped-def]
    """Half of J and K of a symmetric density; arrays (functions, functions, 8)."""
    at_d, at_j, at_k, at_i = density.ctypes.data, coulomb.ctypes.data, exchange.ctypes.data, integrals.ctypes.data
    row = BYTES * functions
    for bra in range(len(kinds)):
        i0, j0 = start[left[bra]], start[right[bra]]
        ni, nj = width[left[bra]], width[right[bra]]
        for ket in range(bra, len(kinds)):
            k0, l0 = start[left[ket]], start[right[ket]]
            nk, nl = width[left[ket]], width[right[ket]]
            weight = _weight(left, right, bra, ket)
            for i in range(i0, i0 + ni):
                for j in range(j0, j0 + nj):
                    d_ij = load(at_d + row * i + BYTES * j)
                    sum_ij = spread(0.0)
                    for k in range(k0, k0 + nk):
                        d_ik, d_jk = load(at_d + row * i + BYTES * k), load(at_d + row * j + BYTES * k)
                        sum_ik, sum_jk = spread(0.0), spread(0.0)
                        for m in range(l0, l0 + nl):
                            value = load(at_i) * weight
                            at_i += BYTES
                            sum_ij = sum_ij + value * load(at_d + row * k + BYTES * m)
                            to = at_j + row * k + BYTES * m
                            store(to, load(to) + value * d_ij)
                            sum_ik = sum_ik + value * load(at_d + row * j + BYTES * m)
                            sum_jk = sum_jk + value * load(at_d + row * i + BYTES * m)
                            to = at_k + row * i + BYTES * m
                            store(to, load(to) + value * d_jk)
                            to = at_k + row * j + BYTES * m
                            store(to, load(to) + value * d_ik)
                        to = at_k + row * i + BYTES * k
                        store(to, load(to) + sum_ik)
                        to = at_k + row * j + BYTES * k
                        store(to, load(to) + sum_jk)
                    to = at_j + row * i + BYTES * j
                    store(to, load(to) + sum_ij)
    return density.size + coulomb.size + exchange.size + integrals.size


@numba.njit(cache=True, nogil=True)
def _digest_one(left, right, kinds, start, width, integrals, density, coulomb, exchange):  # type: ignore[no-untyped-def]
    """`_digest` of one geometry; arrays (functions, functions)."""
    at = 0
    for bra in range(len(kinds)):
        i0, j0 = start[left[bra]], start[right[bra]]
        ni, nj = width[left[bra]], width[right[bra]]
        for ket in range(bra, len(kinds)):
            k0, l0 = start[left[ket]], start[right[ket]]
            nk, nl = width[left[ket]], width[right[ket]]
            weight = _weight(left, right, bra, ket)
            for i in range(i0, i0 + ni):
                for j in range(j0, j0 + nj):
                    sum_ij, d_ij = 0.0, density[i, j]
                    for k in range(k0, k0 + nk):
                        sum_ik, sum_jk, d_ik, d_jk = 0.0, 0.0, density[i, k], density[j, k]
                        for m in range(l0, l0 + nl):
                            value = integrals[at] * weight
                            at += 1
                            sum_ij += value * density[k, m]
                            coulomb[k, m] += value * d_ij
                            sum_ik += value * density[j, m]
                            sum_jk += value * density[i, m]
                            exchange[i, m] += value * d_jk
                            exchange[j, m] += value * d_ik
                        exchange[i, k] += sum_ik
                        exchange[j, k] += sum_jk
                    coulomb[i, j] += sum_ij


class Repulsion:
    """Electron repulsion integrals of up to eight geometries of one molecule, each distinct one once.

    Args:
        pairs: Of shells.
        geometries: How many lanes are used; one takes an eighth of the memory of more.
    """

    def __init__(self, pairs: Pairs, geometries: int) -> None:
        self.pairs, self.geometries = pairs, geometries
        self._integrals = np.empty((count_integrals(pairs.kind), 1 if geometries == 1 else LANES))
        _all_quartets(
            pairs.kind, pairs.first, pairs.exponent, pairs.centre, pairs.place, pairs.repelling, pairs.magnitude, boys_table(),
            NEGLIGIBLE, self._integrals,
        )  # fmt: skip

    def coulomb_and_exchange(self, density: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """J_ij = Σ_kl (ij|kl) D_kl and K_ij = Σ_kl (ik|jl) D_kl.

        Args:
            density: (geometries, functions, functions), symmetric.

        Returns:
            Both (geometries, functions, functions).
        """
        shells, pairs, n = self.pairs.shells, self.pairs, self.pairs.shells.functions
        width = np.diff(shells.first)
        if self.geometries == 1:
            halves = np.zeros((2, n, n))
            _digest_one(
                pairs.left, pairs.right, pairs.kind, shells.first, width, self._integrals[:, 0],
                np.ascontiguousarray(density[0]), halves[0], halves[1],
            )  # fmt: skip
            coulomb, exchange = halves[0][None], halves[1][None]
        else:
            lanes = np.zeros((n, n, LANES))
            lanes[..., : len(density)] = density.transpose(1, 2, 0)
            halves = np.zeros((2, n, n, LANES))
            _digest(
                pairs.left,
                pairs.right,
                pairs.kind,
                shells.first,
                width,
                self._integrals,
                lanes,
                halves[0],
                halves[1],
                n,
            )
            coulomb, exchange = (half[..., : len(density)].transpose(2, 0, 1) for half in halves)
        coulomb, exchange = (half + half.transpose(0, 2, 1) for half in (coulomb, exchange))
        return 2 * coulomb, exchange

    def dense(self, geometry: int) -> np.ndarray:
        """(n, n, n, n) all integrals (ij|kl) of a geometry, for tests and small molecules."""
        shells, pairs, n = self.pairs.shells, self.pairs, self.pairs.shells.functions
        whole, at = np.empty((n, n, n, n)), 0
        lane = 0 if self.geometries == 1 else geometry
        for bra in range(len(pairs.kind)):
            for ket in range(bra, len(pairs.kind)):
                four = pairs.left[bra], pairs.right[bra], pairs.left[ket], pairs.right[ket]
                where = [slice(shells.first[each], shells.first[each + 1]) for each in four]
                shape = [each.stop - each.start for each in where]
                block = self._integrals[at : at + int(np.prod(shape)), lane].reshape(shape)
                at += block.size
                for order in _SAME:
                    whole[tuple(where[axis] for axis in order)] = block.transpose(order)
        return whole


_SAME = (
    (0, 1, 2, 3), (1, 0, 2, 3), (0, 1, 3, 2), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 0, 1), (2, 3, 1, 0), (3, 2, 1, 0)
)  # indices whose exchange leaves an integral as it is  # fmt: skip


def count_integrals(kind: np.ndarray) -> int:
    """How many integrals are kept of pairs of these kinds."""
    sizes = np.array(PRODUCTS)[kind]
    return int((np.cumsum(sizes[::-1])[::-1] * sizes).sum())
