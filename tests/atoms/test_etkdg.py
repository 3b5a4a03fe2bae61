"""Embedding of molecules."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from hooke.atoms import etkdg
from hooke.atoms.etkdg import EmbeddedMolecule, NoGeometryError


def molecule(smiles: str) -> EmbeddedMolecule:
    return EmbeddedMolecule.of(Chem.MolFromSmiles(smiles))


def test_a_geometry_depends_on_molecule_seed_and_number_alone() -> None:
    one, other = molecule("OCC(=O)N"), molecule("NC(=O)CO")
    assert one.smiles == other.smiles
    assert np.array_equal(one.conformer(3, 0), other.conformer(3, 0))
    assert not np.array_equal(one.conformer(3, 0), one.conformer(4, 0))
    assert not np.array_equal(one.conformer(3, 0), one.conformer(3, 1))
    assert sorted(one.numbers.tolist()) == [1, 1, 1, 1, 1, 6, 6, 7, 8, 8]


def test_atoms_follow_the_canonical_smiles() -> None:
    found = molecule("OCC")
    atoms = [atom.GetAtomicNum() for atom in Chem.MolFromSmiles(found.smiles).GetAtoms()]
    assert found.numbers.tolist() == [*atoms, 1, 1, 1, 1, 1, 1]
    positions = found.conformer(0, 0)
    heavy = np.linalg.norm(positions[0] - positions[1])
    assert 1.3 < heavy < 1.7


@pytest.mark.parametrize(
    ("smiles", "charge", "multiplicity"), [("[NH4+]", 1, 1), ("CC(=O)[O-]", -1, 1), ("[CH3]", 0, 2), ("[O][O]", 0, 3)]
)
def test_charge_and_spin_of_the_smiles(smiles: str, charge: int, multiplicity: int) -> None:
    found = molecule(smiles)
    assert (found.charge, found.multiplicity) == (charge, multiplicity)


@pytest.mark.parametrize(
    ("smiles", "reason"), [("[Na+].[Cl-]", "2 fragments"), ("C*", "an atom of no element"), ("C" * 400, "1202 atoms")]
)
def test_what_has_no_geometry(smiles: str, reason: str) -> None:
    with pytest.raises(NoGeometryError, match=reason):
        molecule(smiles)


def test_a_failed_embedding_is_tried_from_random_coordinates_and_then_said(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def fails(mol: object, parameters: object) -> int:
        tried.append(parameters.useRandomCoords)  # type: ignore[attr-defined]
        return -1

    monkeypatch.setattr(etkdg.rdDistGeom, "EmbedMolecule", fails)
    with pytest.raises(NoGeometryError, match="no geometry could be embedded"):
        molecule("CC").conformer(0, 0)
    assert tried == [False, True]


def test_many_conformers_are_those_of_rdkit() -> None:
    found = molecule("OCC(=O)N")
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = 20261130
    same = Chem.Mol(found.molecule)
    rdDistGeom.EmbedMultipleConfs(same, 4, parameters)
    expected = [each.GetPositions() for each in same.GetConformers()]
    np.testing.assert_array_equal(found.conformers(4, 20261130), expected)
    np.testing.assert_array_equal(found.conformers(2, 20261130), expected[:2])
    assert len(np.unique(found.conformers(4, 0)[:, 0, 0])) == 4  # RDKit's own seed 0 gives one conformer four times


def test_fragments_stand_apart() -> None:
    with pytest.raises(NoGeometryError, match="2 fragments"):
        molecule("CC[NH3+].[Cl-]")
    salt = EmbeddedMolecule.of(Chem.MolFromSmiles("CC[NH3+].[Cl-].O"), several=True)
    assert sorted(len(atoms) for atoms in salt.fragments) == [1, 3, 11]
    for positions in salt.conformers(3, 1):
        for one, atoms in enumerate(salt.fragments):
            for other in salt.fragments[:one]:
                between = np.linalg.norm(positions[atoms][:, None] - positions[other][None], axis=-1)
                assert between.min() >= etkdg.GAP - 1e-9


def test_what_cannot_be_embedded_is_fewer_conformers() -> None:
    """Bridgeheads of norbornane that point the wrong way."""
    assert molecule("C[C@@]12CC[C@](C)(CC1)C2").conformers(3, 1).shape == (0, 25, 3)
