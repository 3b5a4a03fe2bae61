from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import AllChem
from tests.atoms.conftest import refusal

from hooke.atoms.formats import read_contents, read_frames, sdf
from hooke.atoms.frames import Frames
from hooke.atoms.keys import Keys

KEYS = Keys(("E", "e2"), (), ("gap",), smiles="smiles", name="_Name")


def read(path: Path, keys: Keys) -> tuple[Frames, list[str]]:
    pairs = list(read_frames(path, keys))
    return Frames.joined([frames for frames, _ in pairs if frames]), [each.reason for _, some in pairs for each in some]


def test_there_and_back(tmp_path: Path, frames: Frames) -> None:
    path = tmp_path / "a.sdf"
    sdf.write(path, frames, KEYS)
    back, rejected = read(path, KEYS)
    assert rejected == []
    assert np.array_equal(back.numbers, frames.numbers)
    np.testing.assert_allclose(back.positions, frames.positions, atol=1e-4)
    np.testing.assert_allclose(back.energies, frames.energies, rtol=1e-14)
    np.testing.assert_allclose(back.properties, frames.properties, rtol=1e-14)
    assert list(back.names) == list(frames.names)
    assert list(back.smiles) == list(frames.smiles)
    assert set(read_contents(path).scalars) == {"E", "e2", "gap"}


def test_records_that_are_no_frames(tmp_path: Path, frames: Frames) -> None:
    path = tmp_path / "a.sdf"
    sdf.write(path, frames.select(np.array([0])), KEYS)
    whole = path.read_text()
    drawn = Chem.MolFromSmiles("CCO")
    AllChem.Compute2DCoords(drawn)
    flat = Chem.MolToMolBlock(drawn) + "$$$$\n"
    path.write_text(whole + "broken\n\n\n  x\nM  END\n$$$$\n" + flat + whole)
    found, reasons = read(path, KEYS)
    assert len(found) == 2
    assert reasons == ["RDKit cannot read this record", "it has no three-dimensional coordinates"]


def test_tags_that_are_no_text_cost_their_record(tmp_path: Path, frames: Frames) -> None:
    path = tmp_path / "a.sdf"
    sdf.write(path, frames.select(np.array([0, 1])), KEYS)
    path.write_bytes(path.read_bytes().replace(b"twin0", b"twi\xff0", 1))
    found, reasons = read(path, KEYS)
    assert (len(found), len(reasons)) == (1, 1)
    assert "it is not utf-8" in reasons[0]
    assert "E" in read_contents(path).scalars


@pytest.mark.mirror
def test_ligands(mirror: Path) -> None:
    found, rejected = read(
        mirror / "mol3d/rdkit_cdk2.sdf.gz", Keys(("r_mmffld_Potential_Energy-OPLS_2005",), name="_Name")
    )
    assert (len(found), len(found.numbers), rejected) == (47, 1968, [])
    assert {*found.charge.tolist()} == {-1, 0, 1}


@pytest.mark.parametrize("seed", range(25))
def test_damaged_files_never_crash(tmp_path: Path, frames: Frames, seed: int) -> None:
    generator = np.random.default_rng(seed)
    path = tmp_path / "a.sdf"
    sdf.write(path, frames.select(np.arange(6)), KEYS)
    data = bytearray(path.read_bytes())
    for _ in range(int(generator.integers(1, 40))):
        data[int(generator.integers(len(data)))] = int(generator.choice([*b"\n $>M0123456789.-\xff"]))
    path.write_bytes(bytes(data))
    for said in (refusal(lambda: read_contents(path)), refusal(lambda: list(read_frames(path, KEYS)))):
        assert "\n" not in said


def test_records_that_lack_their_hydrogens_are_left_out(tmp_path: Path) -> None:
    """Radicals, ions, atoms without bonds, and bonds of one order too few are as they stand."""
    from rdkit import Chem
    from rdkit.Chem import rdDistGeom

    records = []
    for smiles, kept in (("CCO", False), ("CCO", True), ("C[CH2]", True), ("CC(=O)[O-]", True), ("[Na+]", True)):
        molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
        rdDistGeom.EmbedMolecule(molecule, randomSeed=1)
        records.append(Chem.MolToMolBlock(molecule if kept else Chem.RemoveHs(molecule)))
    slip = records[3].replace("  2  3  2  0", "  2  3  1  0")
    assert slip != records[3]
    path = tmp_path / "a.sdf"
    path.write_text("".join(f"{record}$$$$\n" for record in [*records, slip]))
    (frames, rejected), *_ = read_frames(path, Keys(name="_Name"))
    assert frames is not None
    assert frames.charge.tolist() == [0, 0, -1, 1, -1]
    reason = "its bonds imply 6 more hydrogens than the 0 that it has: hydrogens are missing"
    assert [(each.frame, each.reason) for each in rejected] == [(1, reason)]
