from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.atoms.conftest import refusal, same

from hooke.atoms.facts import Facts
from hooke.atoms.formats import hdf5, read_contents, read_frames, resolve
from hooke.atoms.frames import Frames
from hooke.atoms.keys import Keys
from hooke.core.errors import DataError, UsageError

h5py = pytest.importorskip("h5py")
KEYS = Keys(("e", "e2"), ("g",), ("gap",), "atomic_numbers", "conformations", "charge", "spin", "smiles")
FACTS = Facts("hartree", "bohr", "hartree/bohr", "gradient")


def read(path: Path, keys: Keys) -> tuple[Frames, list[str]]:
    pairs = list(read_frames(path, keys))
    return Frames.joined([frames for frames, _ in pairs if frames]), [each.reason for _, some in pairs for each in some]


def test_there_and_back(tmp_path: Path, frames: Frames) -> None:
    path = tmp_path / "a.hdf5"
    hdf5.write(path, frames, KEYS, FACTS)
    contents = read_contents(path)
    assert (contents.length_unit, contents.units["e"], contents.units["g"]) == ("bohr", "hartree", "hartree/bohr")
    assert set(contents.scalars) >= {"e", "e2", "gap"}
    assert contents.vectors == ("g",)
    back, rejected = read(path, KEYS)
    assert rejected == []
    same(back, frames)
    assert list(back.names) == list(frames.names)
    assert list(back.smiles) == list(frames.smiles)


def test_atoms_by_mapped_smiles_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("water")
        group["smiles"] = [b"[H:3][O:1][H:2]"]
        group["conformations"] = np.arange(18, dtype=np.float32).reshape(2, 3, 3)
        group["conformations"].attrs["units"] = "nanometers"
    contents = read_contents(path)
    assert contents.length_unit == "nanometers"
    with pytest.raises(UsageError, match=r"atom_order=map .* or atom_order=smiles"):
        resolve(Keys(), contents, path.name)
    for order, numbers in (("map", [8, 1, 1]), ("smiles", [1, 8, 1])):
        found, _ = read(path, resolve(Keys(atom_order=order), contents, path.name))
        assert found.numbers.tolist() == numbers * 2


def test_groups_in_groups_and_symbols(tmp_path: Path) -> None:
    """As in ANI (symbols, a group around molecules) and QM7-X (one conformation a group), atomic numbers further out as in Transition1X."""
    path = tmp_path / "a.hdf"
    with h5py.File(path, "w") as file:
        outer = file.create_group("gdb/methane")
        outer["species"] = np.array([b"C", b"H"])
        outer["energies"] = [1.0, 2.0]
        outer["coordinates"] = np.ones((2, 2, 3)) * np.arange(2)[None, :, None]
        inner = file.create_group("gdb/methane/product")
        inner["coordinates"], inner["energies"] = np.ones((2, 3)) * np.arange(2)[:, None], [3.0]
    keys = resolve(Keys(), read_contents(path), path.name)
    assert keys.energies == ("energies",)
    found, rejected = read(path, keys)
    assert rejected == []
    assert found.energies.ravel().tolist() == [1.0, 2.0, 3.0]
    assert found.numbers.tolist() == [6, 1] * 3
    assert list(found.names) == ["gdb/methane"] * 3  # a group inside is of the same molecule


def test_molecules_of_single_structures_and_smiles_by_characters(tmp_path: Path) -> None:
    """As in QM7-X (a structure a group, in a group a molecule) and ANI (one character an entry)."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name in ("1/a-opt", "1/a-d1", "2/b-opt"):
            group = file.create_group(name)
            group["z"], group["R"] = [8, 1], np.arange(6.0).reshape(2, 3)
            group["smiles"] = np.array([b"[", b"H", b"]", b"O"])
    back, _ = read(path, Keys(numbers="z", positions="R", smiles="smiles"))
    assert list(back.names) == ["1", "1", "2"]
    assert set(back.smiles) == {"[H]O"}


def test_smiles_give_the_charge_and_are_held_against_the_atoms(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name, numbers in (("a", [8, 1]), ("b", [1, 8])):
            group = file.create_group(name)
            group["z"], group["R"], group["smiles"] = numbers, np.arange(6.0).reshape(1, 2, 3), [b"[H:2][O-:1]"]
    back, [reason] = read(path, Keys(numbers="z", positions="R", smiles="smiles", atom_order="map"))
    assert back.charge.tolist() == [-1]
    assert "not those of its SMILES in the order 'map'" in reason


def test_frames_without_names_are_written_by_their_formula(tmp_path: Path, frames: Frames) -> None:
    bare = replace(frames.select(np.arange(6)), names=(), smiles=())
    hdf5.write(tmp_path / "a.h5", bare, KEYS, FACTS)
    back, _ = read(tmp_path / "a.h5", KEYS)
    assert list(back.names) == ["CH4"] * 3 + ["H2O"] * 3  # groups come by their names
    same(back, bare.select(np.array([3, 4, 5, 0, 1, 2])))


def test_malformed_groups_are_left_out(tmp_path: Path, frames: Frames) -> None:
    path = tmp_path / "a.h5"
    hdf5.write(path, frames, KEYS, FACTS)
    with h5py.File(path, "a") as file:
        del file["twin0/atomic_numbers"], file["twin0/smiles"], file["twin1/e"], file["twin2/conformations"]
        file["twin1/e"] = [1.0, 2.0]
        file["twin2/conformations"] = np.zeros((3, 2, 3))
        file["twin3/conformations"][1] = np.nan
    found, reasons = read(path, KEYS)
    assert len(found) == 24 - 3 - 3 - 3 - 1
    assert len(reasons) == 3 + 3 + 3 + 1
    assert any("twin0" in reason for reason in reasons)
    assert any("a position is not finite" in reason for reason in reasons)


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n and then nothing")
    with pytest.raises(DataError, match=r"a\.h5 cannot be read"):
        read_contents(path)
    with h5py.File(path, "w") as file:
        file["x"] = [1.0]
    with pytest.raises(UsageError, match="state positions_key=x"):
        read_contents(path)
    with h5py.File(path, "w"):
        pass
    with pytest.raises(DataError, match="holds no group with arrays"):
        read_contents(path)
    with h5py.File(path, "w") as file:
        file.create_dataset("m/R", (10**6, 10**6, 3), "f8", chunks=(1, 1, 3))
        file["m/z"] = [1]
    with pytest.raises(DataError, match="at most 128 MB"):
        list(read_frames(path, Keys(numbers="z", positions="R")))


@pytest.mark.parametrize("seed", range(25))
def test_damaged_files_never_crash(tmp_path: Path, frames: Frames, seed: int) -> None:
    generator = np.random.default_rng(seed)
    path = tmp_path / "a.h5"
    hdf5.write(path, frames.select(np.arange(6)), KEYS, FACTS)
    data = bytearray(path.read_bytes())
    for _ in range(int(generator.integers(1, 60))):
        data[int(generator.integers(len(data)))] = int(generator.integers(256))
    path.write_bytes(bytes(data[: int(generator.integers(len(data) // 2, len(data) + 1))]))
    for said in (
        refusal(lambda: resolve(Keys(), read_contents(path, KEYS), path.name)),
        refusal(lambda: list(read_frames(path, KEYS))),
    ):
        assert "\n" not in said
