"""Conformers of other isomers are turned into the stated one, wherever rings allow it, without tearing bonds apart."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from hooke.atoms.conformers.repair import repaired
from hooke.atoms.conformers.stereo import StereoElements
from hooke.atoms.etkdg import EmbeddedMolecule

ISOMERS = (
    ("C[C@H](O)[C@@H](N)C(=O)O", "C[C@@H](O)[C@@H](N)C(=O)O"),
    ("C[C@H](O)[C@@H](N)C(=O)O", "C[C@H](O)[C@H](N)C(=O)O"),
    ("C/C=C/[C@H](C)O", "C/C=C\\[C@H](C)O"),
    ("C/C=C/[C@H](C)O", "C/C=C\\[C@@H](C)O"),
    ("O[C@@H]1CCC[C@H]1N", "O[C@@H]1CCC[C@@H]1N"),
    ("C[S@](=O)C[C@H](F)Cl", "C[S@@](=O)C[C@H](F)Cl"),
)


@pytest.mark.parametrize(("stated", "other"), ISOMERS)
def test_one_wrong_element_is_turned(stated: str, other: str) -> None:
    """Atoms of both isomers are in one order."""
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles(stated))
    elements = StereoElements.of(molecule.molecule)
    bonds = np.array([(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.molecule.GetBonds()])
    wrong = EmbeddedMolecule.of(Chem.MolFromSmiles(other))
    match = wrong.molecule.GetSubstructMatch(molecule.molecule)
    for positions in wrong.conformers(4, 2)[:, list(match)]:
        assert not elements.right(positions[None]).all()
        found = repaired(positions, elements, bonds)
        assert elements.right(found[None]).all()
        lengths = np.linalg.norm(found[bonds[:, 0]] - found[bonds[:, 1]], axis=1)
        before = np.linalg.norm(positions[bonds[:, 0]] - positions[bonds[:, 1]], axis=1)
        assert np.abs(lengths - before).max() < 1.0
        assert (np.abs(lengths - before) < 1e-6).mean() > 0.7


def test_right_ones_stay_and_mirror_images_are_reflected() -> None:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles(ISOMERS[0][0]))
    elements = StereoElements.of(molecule.molecule)
    bonds = np.array([(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.molecule.GetBonds()])
    positions = molecule.conformers(1, 0)[0]
    np.testing.assert_array_equal(repaired(positions, elements, bonds), positions)
    np.testing.assert_array_equal(repaired(positions * np.array([-1, 1, 1]), elements, bonds), positions)
