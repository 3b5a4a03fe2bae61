from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from tests.atoms.conftest import refusal, same

from hooke.atoms.facts import Facts
from hooke.atoms.formats import ase_db, read_contents, read_frames, resolve
from hooke.atoms.frames import Frames
from hooke.atoms.keys import Keys
from hooke.core.errors import DataError

KEYS = Keys(("E", "e2"), ("F",), ("gap",), charge="charge", multiplicity="spin", smiles="smiles", name="name")
FACTS = Facts("kcal/mol", "angstrom", "kcal/mol/angstrom")


def read(path: Path, keys: Keys) -> tuple[Frames, list[str]]:
    pairs = list(read_frames(path, keys))
    return Frames.joined([frames for frames, _ in pairs if frames]), [each.reason for _, some in pairs for each in some]


def test_there_and_back(tmp_path: Path, frames: Frames) -> None:
    path = tmp_path / "a.db"
    ase_db.write(path, frames, KEYS, FACTS)
    back, rejected = read(path, KEYS)
    assert rejected == []
    same(back, frames)
    assert list(back.names) == list(frames.names)
    contents = read_contents(path)
    assert set(contents.scalars) == {"E", "e2", "gap", "charge", "spin"}
    assert contents.vectors == ("F",)
    assert (contents.units["E"], contents.units["F"], contents.length_unit) == ("kcal/mol", "kcal/mol/angstrom", "Ang")


def test_numbers_of_a_calculator_and_cells(tmp_path: Path) -> None:
    """As ASE writes them: raw little-endian arrays, pbc as bits, data as JSON text in older files."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as base:
        base.execute(
            "CREATE TABLE systems (id INTEGER PRIMARY KEY, numbers, positions, cell, pbc, energy, forces, key_value_pairs, data)"
        )
        row = (np.array([8, 1], "<i4").tobytes(), np.arange(6.0).tobytes(), (3 * np.eye(3)).tobytes())
        base.execute(
            "INSERT INTO systems VALUES (2, ?, ?, ?, 5, -1.5, ?, ?, ?)",
            (*row, np.ones(6).tobytes(), '{"gap": 2}', '{"x": {"__ndarray__": [[1], "float64", [7.0]]}}'),
        )
        base.execute("INSERT INTO systems VALUES (1, ?, ?, ?, 0, NULL, NULL, '{}', NULL)", row)
        base.execute("INSERT INTO systems VALUES (3, ?, ?, ?, 0, 1.0, NULL, '{', NULL)", row)
        base.execute("INSERT INTO systems VALUES (4, ?, ?, ?, 0, 1.0, NULL, '{}', NULL)", (row[0], row[1][:8], row[2]))
        base.commit()
    with pytest.raises(DataError):
        read_contents(path)  # a row that is no JSON is among the first
    with closing(sqlite3.connect(path)) as base:
        base.execute("UPDATE systems SET key_value_pairs = '{}' WHERE id = 3")
        base.commit()
    keys = resolve(Keys(properties=("x", "gap")), read_contents(path), path.name)
    assert (keys.energies, keys.forces) == (("energy",), ("forces",))
    found, [reason] = read(path, keys)
    assert "cannot reshape" in reason
    assert np.isnan(found.energies[0, 0])
    assert found.energies[1:].ravel().tolist() == [-1.5, 1.0]
    assert found.periodic.tolist() == [[False] * 3, [True, False, True], [False] * 3]
    assert found.properties[1].tolist() == [7.0, 2.0]


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"SQLite format 3\x00 and then nothing")
    with pytest.raises(DataError, match=r"a\.db cannot be read"):
        read_contents(path)
    with closing(sqlite3.connect(tmp_path / "b.db")) as base:
        base.execute("CREATE TABLE x (y)")
    with pytest.raises(DataError, match="no ASE database"):
        read_contents(tmp_path / "b.db")


@pytest.mark.parametrize("seed", range(25))
def test_damaged_files_never_crash(tmp_path: Path, frames: Frames, seed: int) -> None:
    generator = np.random.default_rng(seed)
    path = tmp_path / "a.db"
    ase_db.write(path, frames.select(np.arange(6)), KEYS, FACTS)
    data = bytearray(path.read_bytes())
    for _ in range(int(generator.integers(1, 60))):
        data[int(generator.integers(len(data)))] = int(generator.integers(256))
    path.write_bytes(bytes(data))
    for said in (refusal(lambda: read_contents(path)), refusal(lambda: list(read_frames(path, KEYS)))):
        assert "\n" not in said
