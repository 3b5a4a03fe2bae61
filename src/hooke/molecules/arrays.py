"""Many molecules as flat arrays: what the featuriser makes, the store holds and a batch is built from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class MoleculeArrays:
    """`N` molecules with `A` atoms and `M` bonds in all. Molecule i owns atoms atom_offsets[i]:atom_offsets[i + 1].

    Attributes:
        atom_offsets: (N + 1,) int64.
        bond_offsets: (N + 1,) int64.
        atom_codes: (A, 11) uint8, columns of `vocabulary.ATOM_COLUMNS`; version 1 has the first 8.
        bond_atoms: (M, 2) uint16, the two atoms of a bond counted from the molecule's first atom; each bond once.
        bond_codes: (M, 4) uint8, columns of `vocabulary.BOND_COLUMNS`.
        atom_encodings: name -> (A, width) float16, node-level encodings ("laplacian_eigenvectors" ...); "positions" are float32.
        graph_encodings: name -> (N, width) float16, graph-level encodings ("laplacian_eigenvalues").
    """

    atom_offsets: np.ndarray
    bond_offsets: np.ndarray
    atom_codes: np.ndarray
    bond_atoms: np.ndarray
    bond_codes: np.ndarray
    atom_encodings: dict[str, np.ndarray] = field(default_factory=dict)
    graph_encodings: dict[str, np.ndarray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.atom_offsets) - 1

    @property
    def atom_counts(self) -> np.ndarray:
        """(N,) int64 number of atoms of each molecule."""
        return np.diff(self.atom_offsets)

    @property
    def bond_counts(self) -> np.ndarray:
        """(N,) int64 number of bonds of each molecule."""
        return np.diff(self.bond_offsets)


def joined(parts: Sequence[MoleculeArrays]) -> MoleculeArrays:
    """The molecules of all parts, at least one, after one another; encodings are left out."""

    def offsets(name: str) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(np.concatenate([getattr(part, name) for part in parts]))]).astype(
            np.int64
        )

    def items(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    return MoleculeArrays(
        offsets("atom_counts"), offsets("bond_counts"), items("atom_codes"), items("bond_atoms"), items("bond_codes")
    )


@dataclass(frozen=True)
class MoleculeSlice:
    """Some rows of a store with their labels: what `batch.collate` turns into tensors.

    Attributes:
        arrays: The molecules.
        targets: level -> (items, labels of that level) float32, NaN = not measured; see `MoleculeBatch.targets`.
        bounds: level -> (items, labels) int8, only for levels with censored labels.
        pair_index: (2, P) int64, atoms of each labelled pair, counted over the whole slice.
        rows: (N,) int64 rows of the store.
    """

    arrays: MoleculeArrays
    targets: dict[str, np.ndarray] = field(default_factory=dict)
    bounds: dict[str, np.ndarray] = field(default_factory=dict)
    pair_index: np.ndarray = field(default_factory=lambda: np.zeros((2, 0), np.int64))
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def owners(self) -> dict[str, np.ndarray]:
        """Level -> (items,) the molecule of each."""
        molecules = np.arange(len(self.arrays))
        atoms = np.repeat(molecules, self.arrays.atom_counts)
        bonds = np.repeat(molecules, self.arrays.bond_counts)
        return {"graph": molecules, "node": atoms, "edge": bonds, "pair": atoms[self.pair_index[0]]}


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
