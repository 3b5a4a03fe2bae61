"""How many cycles of each length a molecule has.

Simple cycles of the undirected graph, each counted once; "length 2" is the number of bonds, as in GPSE (arXiv 2307.07107). A cycle
is found from its first atom, by a search that only visits later ones, and only along bonds that are part of some ring.
"""

from __future__ import annotations

import numpy as np

from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.vocabulary import BOND_COLUMNS

SHORTEST_CYCLE = 2
_IN_RING = BOND_COLUMNS.index("in_ring")


def cycle_counts(arrays: MoleculeArrays, longest: int) -> np.ndarray:
    """(N, longest - 1) int64 cycles of length 2 ... longest of each molecule.

    Args:
        arrays: The molecules.
        longest: Length of the longest cycles to count.
    """
    counts = np.zeros((len(arrays), longest - SHORTEST_CYCLE + 1), np.int64)
    counts[:, 0] = arrays.bond_counts
    ring = arrays.bond_codes[:, _IN_RING] == 1
    molecule = np.repeat(np.arange(len(arrays)), arrays.bond_counts)
    for number in np.unique(molecule[ring]):
        bonds = slice(arrays.bond_offsets[number], arrays.bond_offsets[number + 1])
        found = ring_cycles(arrays.bond_atoms[bonds][ring[bonds]].tolist(), longest)
        counts[number, 1:] = found[3:]
    return counts


def ring_cycles(bonds: list[list[int]], longest: int) -> list[int]:
    """Cycles of length 0 ... longest among these bonds (none is shorter than 3)."""
    neighbours: dict[int, list[int]] = {}
    for a, b in bonds:
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    found = [0] * (longest + 1)
    for start in neighbours:
        stack = [(start, 1, frozenset((start,)))]
        while stack:
            atom, length, visited = stack.pop()
            for other in neighbours[atom]:
                if other == start and length > SHORTEST_CYCLE:
                    found[length] += 1
                elif other > start and length < longest and other not in visited:
                    stack.append((other, length + 1, visited | {other}))
    return [count // 2 for count in found]  # each was walked both ways
