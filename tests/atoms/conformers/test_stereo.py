"""Signed volumes and sides against RDKit's own perception of stereo, and under reflection."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from hooke.atoms.conformers.rdkit_conformers import with_positions
from hooke.atoms.conformers.stereo import StereoElements
from hooke.atoms.etkdg import EmbeddedMolecule

EXCHANGED = (
    "CC(=O)O[C@H]1C[C@@H](N)C1",
    "C1C[C@H]2CC[C@@H]1N2C",
)  # with all centres turned they are the same isomer, atoms exchanged
MOLECULES = (
    *EXCHANGED,
    "C[C@H](O)[C@@H](F)/C=C/Cl", "C[S@](=O)c1ccccc1", "F/C(Cl)=C(/Br)I", "C/C=N\\O", "O=P1(N)OCC[C@@H](C)O1",
    "[C@H](F)(Cl)Br", "C[C@]12CC[C@H](O1)C=C2", "C/C(=N/OC)/C(F)=C/[C@@H](C)O", "CC1(C)[C@H](C(=O)[O-])N2C(=O)[C@@H](N)[C@H]2[S@]1=O",
)  # fmt: skip


@pytest.mark.parametrize("smiles", MOLECULES)
def test_what_is_right_is_what_rdkit_perceives(smiles: str) -> None:
    """Embedded without enforcing stereo, so that many conformers are of other isomers."""
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles(smiles))
    elements = StereoElements.of(molecule.molecule)
    assert len(elements) == len(elements.names(molecule.molecule)) >= 1
    bare = Chem.Mol(molecule.molecule)
    Chem.RemoveStereochemistry(bare)
    wild = EmbeddedMolecule(molecule.smiles, 0, 1, molecule.numbers, bare, molecule.fragments).conformers(12, 1)
    positions = np.concatenate([molecule.conformers(4, 1), wild, molecule.conformers(2, 3) * np.array([-1, 1, 1])])
    right = elements.right(positions)
    assert right[:4].all()
    stated = Chem.MolToSmiles(Chem.MolFromSmiles(smiles))
    for place, good in zip(positions, right.all(axis=1), strict=True):
        seen = with_positions(bare, place[None])
        Chem.AssignStereochemistryFrom3D(seen)
        seen = Chem.RemoveHs(seen)
        known = seen.HasSubstructMatch(Chem.MolFromSmiles(stated), useChirality=True)
        assert good == known or (smiles in EXCHANGED and known)


def test_reflection_turns_centres_and_not_double_bonds() -> None:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles(MOLECULES[0]))
    elements = StereoElements.of(molecule.molecule)
    positions = molecule.conformers(3, 5)
    mirrored = elements.right(positions * np.array([1, 1, -1]))
    assert not mirrored[:, : len(elements.centres)].any()
    assert mirrored[:, len(elements.centres) :].all()
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    assert elements.right(positions @ (turn * np.linalg.det(turn)) + 3).all()


def test_flat_centres_and_molecules_without_stereo() -> None:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles("[C@H](F)(Cl)Br"))
    flat = molecule.conformers(1, 0) * np.array([1, 1, 0])
    assert not StereoElements.of(molecule.molecule).right(flat).any()
    plain = EmbeddedMolecule.of(Chem.MolFromSmiles("CCO"))
    assert StereoElements.of(plain.molecule).right(plain.conformers(2, 0)).shape == (2, 0)


def test_a_bond_half_turned_has_no_sense() -> None:
    """One end of F-C=C-F turned by 0° to 90°: RDKit's own perception may take either side where it is near 90°."""
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles("F/C=C/F"))
    elements = StereoElements.of(molecule.molecule)
    positions = molecule.conformers(1, 1)[0]
    [[_, first, second, end]] = elements.bonds
    axis = positions[second] - positions[first]
    axis = axis / np.linalg.norm(axis)
    moved = [
        end,
        *(
            atom.GetIdx()
            for atom in molecule.molecule.GetAtomWithIdx(int(second)).GetNeighbors()
            if atom.GetAtomicNum() == 1
        ),
    ]
    for degrees, good in ((0, True), (40, True), (75, False), (90, False), (180, False)):
        turned = positions.copy()
        angle = np.radians(degrees)
        for atom in moved:
            out = positions[atom] - positions[second]
            turned[atom] = (
                positions[second]
                + out * np.cos(angle)
                + np.cross(axis, out) * np.sin(angle)
                + axis * (axis @ out) * (1 - np.cos(angle))
            )
        assert elements.right(turned[None]).all() == good
