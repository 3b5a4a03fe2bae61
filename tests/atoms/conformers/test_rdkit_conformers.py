"""Distances against an exhaustive search in float64, and positions in and out."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from rdkit import Chem

from hooke.atoms.conformers.rdkit_conformers import (
    distances,
    distances_among,
    positions_of,
    spread,
    with_positions,
    without_hydrogens,
)
from hooke.atoms.etkdg import EmbeddedMolecule


def kabsch_rmsd(first: np.ndarray, second: np.ndarray) -> float:
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    u, s, v = np.linalg.svd(first.T @ second)
    s[-1] *= np.sign(np.linalg.det(u) * np.linalg.det(v))
    return float(np.sqrt(max(0.0, (first**2).sum() + (second**2).sum() - 2 * s.sum()) / len(first)))


def heavy(smiles: str, count: int) -> Chem.Mol:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles(smiles))
    return without_hydrogens(with_positions(molecule.molecule, molecule.conformers(count, 1)))


def test_distances_are_smallest_over_symmetry() -> None:
    molecule = heavy("CC(C)(C)CF", 4)
    positions = positions_of(molecule)
    found = distances_among(molecule)
    methyls = [atom.GetIdx() for atom in molecule.GetAtoms() if atom.GetDegree() == 1 and atom.GetSymbol() == "C"]
    assert len(methyls) == 3
    for i in range(4):
        for j in range(4):
            tried = []
            for order in permutations(methyls):
                places = np.arange(molecule.GetNumAtoms())
                places[methyls] = order
                tried.append(kabsch_rmsd(positions[i], positions[j][places]))
            assert found[i, j] == pytest.approx(min(tried), abs=2e-4)
    np.testing.assert_allclose(distances(molecule, molecule), found, atol=2e-4)


def test_order_of_atoms_does_not_matter_and_other_molecules_are_refused() -> None:
    molecule = heavy("OCC(N)=O", 3)
    order = [4, 2, 0, 3, 1]
    np.testing.assert_allclose(
        distances(Chem.RenumberAtoms(molecule, order), molecule), distances_among(molecule), atol=2e-4
    )
    with pytest.raises(ValueError, match="."):
        distances(heavy("CCN", 1), heavy("CCO", 1))


def test_positions_survive() -> None:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles("CO"))
    positions = molecule.conformers(3, 0)
    np.testing.assert_array_equal(positions_of(with_positions(molecule.molecule, positions)), positions)
    assert positions_of(with_positions(molecule.molecule, positions[:0])).shape == (0, 6, 3)


def test_spread_keeps_the_first_of_those_that_are_near() -> None:
    line = np.array([0.0, 0.1, 1.0, 1.05, 2.5])
    np.testing.assert_array_equal(spread(np.abs(line[:, None] - line), 0.2), [0, 2, 4])
    np.testing.assert_array_equal(spread(np.zeros((0, 0)), 0.2), [])
