"""Each check sees its own damage, and no other; good geometries pass."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem

from hooke.atoms.conformers.force_field import minimise
from hooke.atoms.conformers.validity import Checks
from hooke.atoms.etkdg import EmbeddedMolecule


@pytest.fixture(scope="module")
def made() -> tuple[EmbeddedMolecule, np.ndarray]:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles("CCCCCCC/C=C/c1ccccc1"))
    done = minimise(molecule.molecule, molecule.conformers(4, 3))
    assert done is not None
    return molecule, done.positions


def test_good_geometries_pass(made: tuple[EmbeddedMolecule, np.ndarray]) -> None:
    found = Checks(made[0].molecule).of(made[1])
    assert found.valid.all()
    assert found.failures() == [""] * 4


def test_each_damage_is_seen(made: tuple[EmbeddedMolecule, np.ndarray]) -> None:
    molecule, positions = made
    first = positions[:1]
    ring = [atom.GetIdx() for atom in molecule.molecule.GetAtoms() if atom.GetIsAromatic()]
    checks = Checks(molecule.molecule)
    stretched = first.copy()
    towards = stretched[0, 0] - stretched[0, 1]
    stretched[0, 0] = stretched[0, 1] + 1.5 * towards
    assert checks.of(stretched).failures()[0].startswith("bond lengths")
    bent = first.copy()
    normal = np.cross(bent[0, ring[1]] - bent[0, ring[0]], bent[0, ring[2]] - bent[0, ring[0]])
    bent[0, ring[0]] += 0.8 * normal / np.linalg.norm(normal)
    assert not checks.of(bent).planarity.any()
    folded = first.copy()
    folded[0, 0] = folded[0, ring[3]] + [0.3, 0.3, 0.3]
    assert not checks.of(folded).clashes.any()
    collinear = first.copy()
    collinear[0, 0] = collinear[0, 2] + 0.2 * (collinear[0, 0] - collinear[0, 2])
    assert not checks.of(collinear).bond_angles.any()


def test_moving_hydrogens_alone_is_not_looked_at_and_positions_may_turn(
    made: tuple[EmbeddedMolecule, np.ndarray],
) -> None:
    molecule, positions = made
    moved = positions.copy()
    methyl = [atom.GetIdx() for atom in molecule.molecule.GetAtomWithIdx(0).GetNeighbors() if atom.GetAtomicNum() == 1]
    moved[:, methyl] += 0.7
    assert Checks(molecule.molecule).of(moved).valid.all()
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    assert Checks(molecule.molecule).of(positions @ turn + 5).valid.all()


@pytest.mark.parametrize("smiles", ["[He]", "[H][H]", "O", "[Na+].[Cl-]"])
def test_the_smallest(smiles: str) -> None:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles(smiles), several=True)
    assert Checks(molecule.molecule).of(molecule.conformers(2, 0)).valid.all()
