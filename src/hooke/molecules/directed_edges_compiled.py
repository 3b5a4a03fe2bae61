"""`directed_edges` compiled (extra "fast", numba): a counting sort by destination, then short sorts by source."""

from __future__ import annotations

import numba
import numpy as np

from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.directed_edges import DirectedEdges


def directed_edges_compiled(arrays: MoleculeArrays) -> DirectedEdges:
    """Both directions of every bond, equal to `directed_edges.directed_edges_reference`."""
    edges = 2 * len(arrays.bond_atoms)
    index, bond, reverse = np.empty((2, edges), np.int64), np.empty(edges, np.int64), np.empty(edges, np.int64)
    fill(
        np.ascontiguousarray(arrays.bond_atoms), np.asarray(arrays.bond_offsets, np.int64),
        np.asarray(arrays.atom_offsets, np.int64), index, bond, reverse,
    )  # fmt: skip
    return DirectedEdges(index, bond, reverse)


@numba.njit(cache=True, nogil=True)
def fill(bond_atoms, bond_offsets, atom_offsets, index, bond, reverse):  # type: ignore[no-untyped-def]
    """Write the edges of all molecules."""
    starts = np.zeros(atom_offsets[-1] - atom_offsets[0] + 1, np.int64)
    for molecule in range(len(atom_offsets) - 1):
        base = atom_offsets[molecule] - atom_offsets[0]
        for number in range(bond_offsets[molecule], bond_offsets[molecule + 1]):
            starts[base + bond_atoms[number, 0] + 1] += 1
            starts[base + bond_atoms[number, 1] + 1] += 1
    for node in range(1, len(starts)):
        starts[node] += starts[node - 1]
    filled = starts[:-1].copy()
    for molecule in range(len(atom_offsets) - 1):
        base = atom_offsets[molecule] - atom_offsets[0]
        for number in range(bond_offsets[molecule], bond_offsets[molecule + 1]):
            for end in range(2):
                source, destination = base + bond_atoms[number, end], base + bond_atoms[number, 1 - end]
                place = filled[destination]
                while place > starts[destination] and index[0, place - 1] > source:
                    index[0, place], bond[place] = index[0, place - 1], bond[place - 1]
                    place -= 1
                index[0, place], bond[place] = source, number
                filled[destination] += 1
    other = np.full(len(bond_atoms), -1, np.int64)
    for node in range(len(starts) - 1):
        for place in range(starts[node], starts[node + 1]):
            index[1, place] = node
            number = bond[place]
            if other[number] < 0:
                other[number] = place
            else:
                reverse[place], reverse[other[number]] = other[number], place
