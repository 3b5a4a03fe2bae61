"""Coordinates for a molecule: the same whatever the order of its atoms, and those of the right record at the right atoms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem

from hooke.core.errors import DataError, UsageError
from hooke.core.recipe import Recipe, resolve
from hooke.modalities import trainable
from hooke.molecules.encodings.config import POSITIONS, EncodingConfig
from hooke.molecules.positions import RDKIT, positions_of, stamped
from hooke.molecules.prepare import prepare

SMILES = ("CCO", "C[C@H](N)C(=O)O", "[Na+].[Cl-]", "c1ccccc1C(=O)NC", "O")


def distances(rows: np.ndarray) -> np.ndarray:
    return np.linalg.norm(rows[:, None] - rows[None], axis=2)


def shuffled(molecule: Chem.Mol, seed: int = 0) -> tuple[Chem.Mol, list[int]]:
    order = np.random.default_rng(seed).permutation(molecule.GetNumAtoms()).tolist()
    return Chem.RenumberAtoms(molecule, order), order


def test_conformers_depend_on_the_molecule_alone() -> None:
    for smiles in SMILES:
        molecule = Chem.MolFromSmiles(smiles)
        rows = positions_of([molecule], RDKIT)
        assert rows.shape == (molecule.GetNumAtoms(), 3)
        other, order = shuffled(molecule)
        again = positions_of([other], RDKIT)
        assert np.allclose(np.sort(distances(again), axis=None), np.sort(distances(rows[order]), axis=None))
        bonds = [distances(rows)[bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()] for bond in molecule.GetBonds()]
        assert all(1.1 < length < 1.7 for length in bonds)


@pytest.fixture(scope="module")
def geometries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records with all hydrogens and shuffled atoms, the two mirror images of alanine among them."""
    path = tmp_path_factory.mktemp("geometries") / "some.sdf"
    with Chem.SDWriter(str(path)) as writer:
        for number, smiles in enumerate(("CCO", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CCCl")):
            molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
            AllChem.EmbedMolecule(molecule, randomSeed=number + 5)
            writer.write(shuffled(molecule, number)[0])
    return path


def test_records_are_found_and_lie_on_the_right_atoms(geometries: Path) -> None:
    records = [each for each in Chem.SDMolSupplier(str(geometries)) if each is not None]
    for number, smiles in ((0, "OCC"), (1, "OC(=O)[C@@H](N)C"), (2, "OC(=O)[C@H](N)C"), (1, "NC(C)C(=O)O")):
        molecule = Chem.MolFromSmiles(smiles)
        rows = positions_of([molecule], str(geometries))
        match = records[number].GetSubstructMatch(molecule)
        assert np.allclose(rows, records[number].GetConformer().GetPositions()[list(match)], atol=1e-3)
    both = positions_of([Chem.MolFromSmiles("CCCC"), Chem.MolFromSmiles("CCCl")], str(geometries))
    assert np.isnan(both[:4]).all()
    assert np.isfinite(both[4:]).all()


def test_files_are_known_by_their_bytes(geometries: Path, tmp_path: Path) -> None:
    name = stamped(str(geometries))
    assert stamped(name) == name
    assert stamped(RDKIT) == RDKIT
    other = tmp_path / "other.sdf"
    other.write_bytes(geometries.read_bytes())
    marked = stamped(str(other))
    other.write_bytes(geometries.read_bytes() + b"\n")
    with pytest.raises(DataError, match="its bytes changed"):
        stamped(marked)
    with pytest.raises(DataError, match="no file"):
        stamped(str(tmp_path / "none.sdf"))
    with pytest.raises(UsageError, match="SD file"):
        stamped("etkdg")
    flat = tmp_path / "flat.sdf"
    with Chem.SDWriter(str(flat)) as writer:
        writer.write(Chem.MolFromSmiles("CCO"))
    with pytest.raises(DataError, match="no record with coordinates"):
        positions_of([Chem.MolFromSmiles("CCO")], str(flat))


def test_prepared_molecules_carry_them(geometries: Path) -> None:
    encodings = EncodingConfig(random_walk=2, positions=str(geometries))
    found = prepare(["CCO", "not one", "CCCC"], encodings=encodings)
    rows = found.arrays.atom_encodings[POSITIONS]
    assert rows.dtype == np.float32
    assert np.isfinite(rows[:3]).all()
    assert np.isnan(rows[3:]).all()
    assert encodings.node_widths == {"random_walk": 2}
    assert encodings.atom_widths == {"random_walk": 2, POSITIONS: 3}


def recipe_with(positions: str, *, reads: bool) -> Recipe:
    return resolve(
        {
            "data": {"name": "pocketmix", "part": "all"},
            "encodings": {"positions": positions},
            "model": {"name": "gps_plus_plus", "preset": "tiny", "positions": reads},
        }
    )


def test_options_without_effect_are_refused(geometries: Path) -> None:
    settled = trainable("molecules", "fit").settled
    with pytest.raises(UsageError, match="the molecules carry none"):
        settled(recipe_with("", reads=True))
    with pytest.raises(UsageError, match="is read by models with positions"):
        settled(recipe_with(RDKIT, reads=False))
    found = settled(recipe_with(str(geometries), reads=True)).sections["encodings"].positions
    assert found == stamped(str(geometries))
    assert settled(recipe_with(RDKIT, reads=True)).sections["encodings"].positions == RDKIT
    assert replace(EncodingConfig(), positions=RDKIT).computed.positions == RDKIT
