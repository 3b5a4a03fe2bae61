"""Return probabilities of random walks compiled (extra "fast", numba): along the bonds of each molecule, without matrices."""

from __future__ import annotations

import numba
import numpy as np

from hooke.molecules.arrays import MoleculeArrays


def return_probabilities_compiled(arrays: MoleculeArrays, steps: int) -> np.ndarray:
    """(atoms, steps) float64, equal to `encodings.return_probabilities` of each molecule but for rounding."""
    out = np.zeros((len(arrays.atom_codes), steps))
    walk(
        np.ascontiguousarray(arrays.bond_atoms), np.asarray(arrays.bond_offsets, np.int64),
        np.asarray(arrays.atom_offsets, np.int64), out,
    )  # fmt: skip
    return out


@numba.njit(cache=True, nogil=True)
def walk(bond_atoms, bond_offsets, atom_offsets, out):  # type: ignore[no-untyped-def]
    """Write diag(S^t), S = D^-1/2 A D^-1/2: for each atom the powers up to t / 2 of its row, and products of two of them."""
    steps = out.shape[1]
    for molecule in range(len(atom_offsets) - 1):
        first, last = bond_offsets[molecule], bond_offsets[molecule + 1]
        base, size = atom_offsets[molecule], atom_offsets[molecule + 1] - atom_offsets[molecule]
        scale = np.zeros(size)
        for bond in range(first, last):
            scale[bond_atoms[bond, 0]] += 1
            scale[bond_atoms[bond, 1]] += 1
        for atom in range(size):
            scale[atom] = 1 / np.sqrt(scale[atom]) if scale[atom] else 0.0
        low, high = np.zeros(size), np.zeros(size)
        for atom in range(size):
            low[:] = 0
            low[atom] = 1
            for step in range(1, steps + 1):
                if step % 2:
                    high[:] = 0
                    for bond in range(first, last):
                        one, other = bond_atoms[bond, 0], bond_atoms[bond, 1]
                        weight = scale[one] * scale[other]
                        high[one] += weight * low[other]
                        high[other] += weight * low[one]
                    total = 0.0
                    for place in range(size):
                        total += low[place] * high[place]
                    low, high = high, low
                else:
                    total = 0.0
                    for place in range(size):
                        total += low[place] * low[place]
                out[base + atom, step - 1] = total
