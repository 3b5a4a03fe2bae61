"""A user's conformers as a store; the contract checks the twin."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from hooke.atoms.conformers.rdkit_conformers import with_positions
from hooke.atoms.etkdg import EmbeddedMolecule
from hooke.atoms.formats import sdf
from hooke.core.errors import DataError, UsageError
from hooke.core.how import QUIET
from hooke.datasets.own_conformers import Config, Dataset


def test_every_record_is_kept_or_has_a_reason(tmp_path: Path) -> None:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles("C[C@H](F)Cl"))
    records = [with_positions(molecule.molecule, molecule.conformers(4, 1)[[number]]) for number in range(4)]
    records += [with_positions(Chem.MolFromSmiles("CO"), np.zeros((1, 2, 3)) + np.arange(2)[:, None])]
    sdf.write_molecules(tmp_path / "own.sdf", records)
    store = Dataset(Config(path=str(tmp_path / "own.sdf"), most=3)).prepare(tmp_path, QUIET)
    assert len(store) == 3
    assert store.rejected["reason"].to_list() == [
        "beyond the first 3 conformers of its molecule",
        "hydrogens are missing",
    ]
    assert store.molecules["smiles"].to_list() == [molecule.smiles]
    assert np.isnan(store.energies(np.arange(3))).all()
    again = Dataset(Config(path=str(tmp_path / "own.sdf"), most=3)).prepare(tmp_path, QUIET)
    assert again.folder == store.folder
    assert len(Dataset(Config(path=str(tmp_path / "own.sdf"), most=0)).prepare(tmp_path, QUIET)) == 4


def test_missing_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.path is missing"):
        Dataset(Config()).check()
    with pytest.raises(DataError, match="there is no file"):
        Dataset(Config(path=str(tmp_path / "none.sdf"))).check()


def test_molecules_instead_of_a_file_are_embedded(tmp_path: Path) -> None:
    store = Dataset(Config(smiles=("CCO", "C[C@H](F)Cl"))).prepare(tmp_path, QUIET)
    assert len(store) == 6
    assert len(Dataset(Config(smiles=("CCO", "C[C@H](F)Cl"))).prepare(tmp_path, QUIET)) == 6
    with pytest.raises(UsageError, match=r"not a valid SMILES: 'C\('"):
        Dataset(Config(smiles=("C(",))).prepare(tmp_path, QUIET)
    with pytest.raises(UsageError, match="both set"):
        Dataset(Config(path="a.sdf", smiles=("C",))).check()
