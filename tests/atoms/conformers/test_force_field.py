"""MMFF94 gives RDKit's energies in eV, and says where it has no parameters."""

from __future__ import annotations

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdForceFieldHelpers as helpers

from hooke.atoms.conformers.force_field import minimise
from hooke.atoms.conformers.rdkit_conformers import with_positions
from hooke.atoms.etkdg import EmbeddedMolecule


def test_energies_are_those_of_the_positions() -> None:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles("CC(=O)NCCO"))
    start = molecule.conformers(3, 2)
    done = minimise(molecule.molecule, start)
    assert done is not None
    moved = with_positions(molecule.molecule, done.positions)
    properties = helpers.MMFFGetMoleculeProperties(moved)
    for number, energy in enumerate(done.energies):
        field = helpers.MMFFGetMoleculeForceField(moved, properties, confId=number)
        assert energy == pytest.approx(field.CalcEnergy() * 0.0433641, rel=1e-5)
        if done.converged[number]:
            assert np.abs(field.CalcGrad()).max() < 0.1
    assert done.converged.any()
    assert not np.array_equal(start, done.positions)


def test_few_steps_do_not_converge_and_boron_has_no_parameters() -> None:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles("CC(=O)NCCO"))
    done = minimise(molecule.molecule, molecule.conformers(2, 2), steps=2)
    assert done is not None
    assert not done.converged.any()
    boron = EmbeddedMolecule.of(Chem.MolFromSmiles("OB(O)C"))
    assert minimise(boron.molecule, boron.conformers(1, 0)) is None
