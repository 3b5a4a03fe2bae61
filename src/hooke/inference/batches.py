"""Cutting prepared molecules into batches whose size is bounded in molecules and in atoms."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hooke.molecules.arrays import MoleculeArrays, MoleculeSlice
from hooke.molecules.batch import MoleculeBatch, collate

ATOMS_A_MOLECULE = 100  # a batch holds at most so many atoms times the batch size: peptides must not exhaust the memory


def batches(arrays: MoleculeArrays, batch_size: int) -> Iterator[MoleculeBatch]:
    """The molecules in order, a batch at a time."""
    for start, stop in cuts(arrays.atom_counts, batch_size):
        yield collate(MoleculeSlice(contiguous(arrays, start, stop), rows=np.arange(start, stop)))


def cuts(atom_counts: np.ndarray, batch_size: int) -> Iterator[tuple[int, int]]:
    """Consecutive ranges of at most `batch_size` molecules and 100 `batch_size` atoms, but at least one molecule."""
    ends = np.cumsum(atom_counts)
    start = 0
    while start < len(atom_counts):
        before = int(ends[start - 1]) if start else 0
        fitting = int(np.searchsorted(ends, before + batch_size * ATOMS_A_MOLECULE, side="right"))
        stop = max(start + 1, min(start + batch_size, fitting))
        yield start, stop
        start = stop


def contiguous(arrays: MoleculeArrays, start: int, stop: int) -> MoleculeArrays:
    """Molecules start ... stop - 1, without copying."""
    atoms = slice(int(arrays.atom_offsets[start]), int(arrays.atom_offsets[stop]))
    bonds = slice(int(arrays.bond_offsets[start]), int(arrays.bond_offsets[stop]))
    return MoleculeArrays(
        arrays.atom_offsets[start : stop + 1] - atoms.start,
        arrays.bond_offsets[start : stop + 1] - bonds.start,
        arrays.atom_codes[atoms],
        arrays.bond_atoms[bonds],
        arrays.bond_codes[bonds],
        {name: values[atoms] for name, values in arrays.atom_encodings.items()},
        {name: values[start:stop] for name, values in arrays.graph_encodings.items()},
    )
