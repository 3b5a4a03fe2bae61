"""Records in any order of atoms come back in the order of their SMILES; what cannot be read has its reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem

from hooke.api.conformers import generate
from hooke.atoms.conformers.rdkit_conformers import with_positions
from hooke.atoms.conformers.records import ordered, perceived, read_records
from hooke.atoms.etkdg import EmbeddedMolecule
from hooke.atoms.formats import sdf
from hooke.core.errors import DataError, UsageError


def test_any_order_of_atoms_gives_the_same_positions() -> None:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles("C[C@H](O)C(=O)N"))
    positions = molecule.conformers(1, 1)
    given = with_positions(molecule.molecule, positions)
    order = np.random.default_rng(0).permutation(len(molecule.numbers)).tolist()
    found = ordered(Chem.RenumberAtoms(given, order))
    assert not isinstance(found, str)
    assert found[0].smiles == molecule.smiles
    assert found[0].numbers.tolist() == molecule.numbers.tolist()
    between, expected = (np.linalg.norm(each[:, None] - each[None], axis=-1) for each in (found[1], positions[0]))
    bonds = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.molecule.GetBonds()]
    for first, second in bonds:  # equal hydrogens may have changed places
        assert between[first, second] == pytest.approx(expected[first, second], abs=0.05)
    np.testing.assert_allclose(sorted(between.ravel()), sorted(expected.ravel()))


def test_stereo_is_that_of_the_geometry() -> None:
    molecule = EmbeddedMolecule.of(Chem.MolFromSmiles("C[C@H](F)Cl"))
    found = ordered(with_positions(molecule.molecule, molecule.conformers(1, 1) * np.array([1, 1, -1])))
    assert not isinstance(found, str)
    assert found[0].smiles == Chem.CanonSmiles("C[C@@H](F)Cl")


def test_reasons() -> None:
    flat = Chem.AddHs(Chem.MolFromSmiles("CO"))
    assert perceived(flat) == "it has no three-dimensional coordinates"
    heavy = with_positions(Chem.MolFromSmiles("CO"), np.array([[[0.0, 0, 0], [1.4, 0, 0]]]))
    assert ordered(heavy) == "hydrogens are missing"
    lost = with_positions(flat, np.full((1, 6, 3), np.nan))
    assert perceived(lost) == "its coordinates are not finite"
    assert "without bonds" in perceived(with_positions(sdf.atoms_alone([6, 8], 0, None), np.zeros((1, 2, 3))))


def test_files(tmp_path: Path) -> None:
    table = tmp_path / "few.smi"
    table.write_text("CCO\nC1CC\n")
    generate(table, tmp_path / "few.sdf", number=2, workers=0, show_progress=False)
    parquet, records = (
        list(read_records(tmp_path / "few.sdf.parquet")),
        list(read_records(tmp_path / "few.sdf", "energy")),
    )
    assert [reason for _, _, reason in parquet if reason] == ["SMILES does not parse: unclosed ring"]
    assert [energy for _, energy, reason in parquet if not reason] == pytest.approx(
        [energy for _, energy, _ in records]
    )
    with pytest.raises(UsageError, match="conformers are read from"):
        list(read_records(tmp_path / "few.xyz"))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError):
        list(read_records(tmp_path / "bad.parquet"))
