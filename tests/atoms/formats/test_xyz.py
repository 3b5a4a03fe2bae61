from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from tests.atoms.conftest import refusal, same

from hooke.atoms.formats import read_contents, read_frames, resolve, xyz
from hooke.atoms.frames import Frames, Rejected
from hooke.atoms.keys import Keys
from hooke.core.errors import DataError, UsageError

KEYS = Keys(
    ("energy", "e_gfn2"), ("forces",), ("gap",), charge="charge", multiplicity="spin", smiles="smiles", name="name"
)
PLAIN = "2\n\nH 0 0 0\nH 0 0 0.74\n"


def read(path: Path, keys: Keys) -> tuple[Frames | None, list[Rejected]]:
    pairs = list(read_frames(path, keys))
    parts = [frames for frames, _ in pairs if frames is not None]
    return Frames.joined(parts) if parts else None, [each for _, rejected in pairs for each in rejected]


def text(tmp_path: Path, content: str, name: str = "a.xyz") -> Path:
    path = tmp_path / name
    path.write_text(content)
    return path


def test_there_and_back(tmp_path: Path, frames: Frames) -> None:
    path = tmp_path / "a.extxyz"
    xyz.write(path, frames, KEYS)
    back, rejected = read(path, KEYS)
    assert back is not None
    same(back, frames)
    assert list(back.names) == list(frames.names)
    assert list(back.smiles) == list(frames.smiles)
    assert rejected == []
    packed = tmp_path / "a.extxyz.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    again, _ = read(packed, KEYS)
    assert again is not None
    same(again, frames)


def test_cells_and_monomers(tmp_path: Path) -> None:
    content = (
        '3\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3 sa=1-1 sb=2-3 qa=1 qb=-1 E=2.5\nNa 0 0 0\nO 3 0 0\nH 4 0 0\n'
        '3\nLattice="9 0 0 0 9 0 0 0 9" pbc="T F F" Properties=Z:I:1:pos:R:3 sa=1-2 sb=3 qa=0 qb=0 E=1*^-2\n11 0 0 0\n8 3 0 0\n1 4 0 0\n'
    )
    found, rejected = read(text(tmp_path, content), Keys(("E",), monomers=("sa", "sb", "qa", "qb")))
    assert rejected == []
    assert found is not None
    assert found.periodic.tolist() == [
        [True] * 3,
        [True, False, False],
    ]  # a lattice without pbc repeats along all of its vectors
    assert found.monomers.tolist() == [[0, 1, 1, 0], [1, 3, -1, 0], [0, 2, 0, 0], [2, 3, 0, 0]]
    assert found.energies.ravel().tolist() == [2.5, 0.01]
    assert found.numbers.tolist() == [11, 8, 1] * 2


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("2\n\nH 0 0 0\nH 0 0\n", "atom 2 has 3 columns, plain XYZ has 4"),
        ("2\n\nH 0 0 0\nXx 0 0 1\n", "'Xx' is no element"),
        ("2\n\nH 0 0 0\nH 0 0 nan\n", "a position is not finite"),
        ("2\n\nH 0 0 0\nH 0 0 x\n", "could not convert"),
        ("2\nProperties=species:S:1:pos:R\nH 0 0 0\nH 0 0 1\n", "is not name:type:columns"),
        ("2\nProperties=pos:R:3\n0 0 0\n0 0 1\n", "no species"),
        ("2\nenergy=low\nH 0 0 0\nH 0 0 1\n", "energy=low is not a number"),
        ('2\nLattice="1 0 0"\nH 0 0 0\nH 0 0 1\n', "Lattice has 3 numbers"),
        ('2\nLattice="1 0 0 0 1 0 0 0 0"\nH 0 0 0\nH 0 0 1\n', "cell is flat"),
        ('2\nLattice="1 0 0 0 1 0 0 0 1" pbc="yes"\nH 0 0 0\nH 0 0 1\n', "is not three of T and F"),
        ("two\n\nH 0 0 0\nH 0 0 1\n", "expected the number of atoms, got 'two'"),
        ("0\n\n", "it has no atoms"),
    ],
)
def test_malformed_frames_are_left_out_and_the_next_is_read(tmp_path: Path, frame: str, reason: str) -> None:
    found, [rejected] = read(text(tmp_path, PLAIN + frame + PLAIN), Keys(("energy",)))
    assert found is not None
    assert len(found) == 2
    assert np.isnan(found.energies).all()
    assert rejected.frame == 2
    assert reason in rejected.reason


def test_a_malformed_first_frame_does_not_hide_the_columns_of_the_others(tmp_path: Path) -> None:
    good = "1\nProperties=species:S:1:pos:R:3 energy=1\nH 0 0 0\n"
    path = text(tmp_path, good.replace("R:3", "R") + good)
    assert resolve(Keys(), read_contents(path), path.name).energies == ("energy",)


def test_a_file_that_ends_early(tmp_path: Path) -> None:
    found, [rejected] = read(text(tmp_path, PLAIN + "3\n\nH 0 0 0\n"), Keys())
    assert found is not None
    assert (len(found), rejected.reason) == (1, "line 5: the file ends after 1 of 3 atoms")
    assert read(text(tmp_path, ""), Keys()) == (None, [])


@pytest.mark.parametrize(
    ("comment", "columns", "message"),
    [
        ("dft_energy=1", "", "state energy_keys=dft_energy"),
        ("energy=1 energy_gfn2=2", "", r"state energy_keys=energy\|energy_gfn2"),
        ("energy=1", ":force:R:3", "state force_keys=force, with derivative=force or derivative=gradient"),
        ("energy=1", ":forces:R:3:gradient:R:3", r"state force_keys=forces\|gradient"),
    ],
)
def test_doubts_name_the_options(tmp_path: Path, comment: str, columns: str, message: str) -> None:
    path = text(
        tmp_path, f"1\nProperties=species:S:1:pos:R:3{columns} {comment}\nH 0 0 0{' 0 0 0' * columns.count('R')}\n"
    )
    with pytest.raises(UsageError, match=message):
        resolve(Keys(), read_contents(path), path.name)


def test_what_is_stated_ends_the_doubt(tmp_path: Path) -> None:
    path = text(tmp_path, "1\nProperties=species:S:1:pos:R:3:force:R:3 dft_energy=1 charge=-1\nH 0 0 0 0 0 0\n")
    contents = read_contents(path)
    keys = resolve(Keys(("dft_energy",), ("none",)), contents, path.name)
    assert (keys.energies, keys.forces, keys.charge) == (("dft_energy",), (), "charge")
    assert resolve(Keys(("none",), ("force",)), contents, path.name).forces == ("force",)
    with pytest.raises(UsageError, match=r"holds no E \(energy_keys\); it holds dft_energy, charge"):
        resolve(Keys(("E",)), contents, path.name)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        read_contents(tmp_path / "no.xyz")
    with pytest.raises(UsageError, match=r"has none of the suffixes \.xyz"):
        read_contents(text(tmp_path, PLAIN, "a.cif"))
    (tmp_path / "bad.xyz.gz").write_bytes(b"\x1f\x8b not gzip")
    with pytest.raises(DataError, match=r"bad\.xyz\.gz cannot be read"):
        read_contents(tmp_path / "bad.xyz.gz")
    with pytest.raises(DataError, match="no XYZ file"):
        read_contents(text(tmp_path, "1\n" + "x" * (1 << 22)))


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_never_crash(tmp_path: Path, frames: Frames, seed: int) -> None:
    """Bytes are changed, cut out and repeated; every frame is then read, refused, or the file is."""
    generator = np.random.default_rng(seed)
    path = tmp_path / "a.extxyz"
    xyz.write(path, frames.select(np.arange(6)), KEYS)
    data = bytearray(path.read_bytes())
    for _ in range(int(generator.integers(1, 30))):
        place = int(generator.integers(len(data)))
        if generator.random() < 0.3:
            del data[place : place + int(generator.integers(1, 40))]
        else:
            data[place] = int(generator.choice([*b'\n "=:TF-.0123456789naif\xff\x00']))
    path.write_bytes(bytes(data))
    said = refusal(lambda: resolve(Keys(), read_contents(path), path.name)), refusal(lambda: read(path, KEYS))
    assert not any("\n" in each for each in said)
    if not said[1]:
        found, rejected = read(path, KEYS)
        assert found is not None or rejected
        assert all(each.reason and "\n" not in each.reason for each in rejected)
