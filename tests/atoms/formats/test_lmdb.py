"""LMDB of plain arrays."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from tests.atoms.conftest import refusal, same

from hooke.atoms.facts import Facts
from hooke.atoms.formats import lmdb, read_contents, read_frames, resolve
from hooke.atoms.frames import Frames
from hooke.atoms.keys import Keys
from hooke.core.errors import DataError
from hooke.core.how import QUIET
from hooke.datasets.quantum.frames import Config, Dataset

library = pytest.importorskip("lmdb")
KEYS = Keys(("E", "e2"), ("F",), ("gap",), "z", "R", "charge", "spin", "smiles", "name")
FACTS = Facts("kcal/mol", "nm", "kcal/mol/nm", "gradient", "total", ("gfn2", "gfn1"), ("gfn2",))


def read(path: Path, keys: Keys) -> tuple[Frames, list[str]]:
    pairs = list(read_frames(path, keys))
    return Frames.joined([frames for frames, _ in pairs if frames]), [each.reason for _, some in pairs for each in some]


def test_there_and_back(tmp_path: Path, frames: Frames) -> None:
    path = tmp_path / "a.lmdb"
    lmdb.write(path, frames, KEYS, FACTS)
    back, rejected = read(path, KEYS)
    assert rejected == []
    same(back, frames)
    assert list(back.names) == list(frames.names)
    assert list(back.smiles) == list(frames.smiles)
    contents = read_contents(path)
    assert set(contents.scalars) == {"E", "e2", "gap", "charge", "spin"}
    assert contents.vectors == ("F",)
    assert (contents.length_unit, contents.stated["methods"]) == ("nm", ("gfn2", "gfn1"))
    first = path.read_bytes()
    lmdb.write(path, frames, KEYS, FACTS)
    assert path.read_bytes() == first


def test_a_data_set_takes_what_the_file_states(tmp_path: Path, frames: Frames) -> None:
    lmdb.write(tmp_path / "a.lmdb", frames, KEYS, FACTS)
    config = Config(str(tmp_path / "a.lmdb"), energy_keys="E,e2", force_keys="F", precision="float64")
    store = Dataset(config).prepare(tmp_path / "s", QUIET)
    assert (store.energy_unit, store.length_unit, store.methods) == ("kcal/mol", "nm", ("gfn2", "gfn1"))
    gathered = store.gather(np.arange(len(frames)))
    np.testing.assert_allclose(gathered.forces[:, :, 0], -frames.forces[:, :, 0])  # the file states gradients


def test_cells_and_malformed_entries(tmp_path: Path) -> None:
    from safetensors.numpy import save

    path = tmp_path / "data.mdb"
    whole = {"z": np.array([8, 1]), "pos": np.arange(6.0).reshape(2, 3), "energy": np.array([1.5])}
    cell = {"cell": 3 * np.eye(3), "pbc": np.array([1, 0, 1], np.uint8)}
    with library.open(str(path), subdir=False, lock=False, map_size=1 << 20) as base, base.begin(write=True) as entry:
        entry.put(b"0", save({**whole, **cell}))
        entry.put(b"1", save({"z": whole["z"], "energy": whole["energy"]}))
        entry.put(b"2", pickle.dumps(whole))
        entry.put(b"3", b"nothing")
        entry.put(b"4", save({**whole, "pos": np.zeros((3, 3))}))
        entry.put(b"5", save(whole))
    keys = resolve(Keys(), read_contents(path), path.name)
    frames, rejected = read(path, keys)
    assert frames.periodic.tolist() == [[True, False, True], [False] * 3]
    assert frames.energies.tolist() == [[1.5], [1.5]]
    assert rejected[0] == "it lacks 'pos'"
    assert rejected[1] == "its value is a Python pickle, which is never opened"
    assert rejected[2].startswith("its value is no plain arrays")
    assert "positions are (1, 3, 3), expected (1, 2, 3)" in rejected[3]


def test_files_without_frames_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.lmdb"
    with library.open(str(path), subdir=False, lock=False, map_size=1 << 20) as base, base.begin(write=True) as entry:
        entry.put(b"0", pickle.dumps({}))
    with pytest.raises(DataError, match="holds no frames: its value is a Python pickle"):
        read_contents(path)
    assert "state positions_key" in refusal(lambda: _odd(tmp_path))


def _odd(folder: Path) -> None:
    from safetensors.numpy import save

    path = folder / "odd.lmdb"
    with library.open(str(path), subdir=False, lock=False, map_size=1 << 20) as base, base.begin(write=True) as entry:
        entry.put(b"0", save({"z": np.array([1]), "where": np.zeros((1, 3))}))
    read_contents(path)
