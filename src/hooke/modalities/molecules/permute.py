"""The same molecules written in another order of atoms and bonds."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hooke.molecules.arrays import MoleculeArrays, MoleculeSlice


@dataclass(frozen=True)
class Permuted:
    """Molecules in another order of atoms and bonds, and where each one went.

    Attributes:
        molecules: The permuted rows.
        nodes: (V,) int64, the former node of each node.
        bonds: (M,) int64, the former bond of each bond.
    """

    molecules: MoleculeSlice
    nodes: np.ndarray
    bonds: np.ndarray


def permuted(molecules: MoleculeSlice, generator: np.random.Generator) -> Permuted:
    """Renumber the atoms of each molecule at random, shuffle its bonds and swap the ends of half of them."""
    arrays = molecules.arrays
    nodes = _shuffled(arrays.atom_offsets, generator)
    bonds = _shuffled(arrays.bond_offsets, generator)
    position = np.empty_like(nodes)
    position[nodes] = np.arange(len(nodes))
    first = np.repeat(arrays.atom_offsets[:-1], arrays.bond_counts)
    ends = position[arrays.bond_atoms[bonds].astype(np.int64) + first[:, None]] - first[:, None]
    swap = generator.random(len(ends)) < 0.5
    ends[swap] = ends[swap, ::-1]
    changed = MoleculeArrays(
        arrays.atom_offsets,
        arrays.bond_offsets,
        arrays.atom_codes[nodes],
        ends.astype(arrays.bond_atoms.dtype),
        arrays.bond_codes[bonds],
        {name: values[nodes] for name, values in arrays.atom_encodings.items()},
        arrays.graph_encodings,
    )
    order = {"node": nodes, "edge": bonds}
    return Permuted(
        replace(
            molecules,
            arrays=changed,
            targets={
                level: values[order[level]] if level in order else values for level, values in molecules.targets.items()
            },
            bounds={
                level: values[order[level]] if level in order else values for level, values in molecules.bounds.items()
            },
            pair_index=position[molecules.pair_index],
        ),
        nodes,
        bonds,
    )


def _shuffled(offsets: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Items in random order within each stretch of `offsets`."""
    stretch = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return np.lexsort((generator.random(len(stretch)), stretch)).astype(np.int64)
