from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.atoms.conftest import refusal, same

from hooke.atoms.formats import parquet, read_contents, read_frames, resolve
from hooke.atoms.frames import Frames
from hooke.atoms.keys import Keys
from hooke.core.errors import DataError, UsageError

KEYS = Keys(("energy", "e2"), ("f",), ("y",), "z", "pos", "charge", "spin", "smile", "smile")


def read(path: Path, keys: Keys) -> tuple[Frames, list[str]]:
    pairs = list(read_frames(path, keys))
    return Frames.joined([frames for frames, _ in pairs if frames]), [each.reason for _, some in pairs for each in some]


def test_there_and_back(tmp_path: Path, frames: Frames) -> None:
    path = tmp_path / "a.parquet"
    parquet.write(path, frames, KEYS)
    back, rejected = read(path, KEYS)
    assert rejected == []
    same(back, frames)
    assert list(back.names) == list(frames.smiles)
    contents = read_contents(path)
    assert set(contents.scalars) == {"energy", "e2", "y", "charge", "spin"}
    assert contents.vectors == ("f",)


def test_the_schema_of_qm1b(tmp_path: Path) -> None:
    path = tmp_path / "qm1b.parquet"
    row = {
        "smile": "O",
        "atoms": "OHH",
        "z": [8, 1, 1],
        "energy": -2000.0,
        "homo": -5.0,
        "lumo": 5.0,
        "N": 3,
        "std": 1e-4,
        "y": 10.0,
    }
    pl.DataFrame(
        [{**row, "pos": [0.0] * 9}, {**row, "pos": [0.0] * 8}, {**row, "pos": [[0.0, 0.0, 1.0]] * 3}][:2]
    ).write_parquet(path)
    keys = resolve(Keys(properties=("homo", "lumo", "y")), read_contents(path), path.name)
    assert (keys.energies, keys.numbers, keys.positions, keys.smiles) == (("energy",), "z", "pos", "smile")
    found, [reason] = read(path, keys)
    assert (len(found), reason) == (1, "8 coordinates for 3 atoms")
    assert found.properties.tolist() == [[-5.0, 5.0, 10.0]]
    pl.DataFrame(
        [{"z": [8], "pos": [[0.0, 0.0, 1.0]], "energy": None}], schema_overrides={"energy": pl.Float64}
    ).write_parquet(path)
    nested, rejected = read(path, Keys(("energy",), numbers="z", positions="pos"))
    assert rejected == []
    assert nested.positions.tolist() == [[0, 0, 1]]
    assert np.isnan(nested.energies).all()


def test_files_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 no PAR1")
    with pytest.raises(DataError, match="cannot be read"):
        read_contents(path)
    pl.DataFrame({"x": [1.0]}).write_parquet(path)
    with pytest.raises(UsageError, match="state numbers_key="):
        read_contents(path)


@pytest.mark.parametrize("seed", range(25))
def test_damaged_files_never_crash(tmp_path: Path, frames: Frames, seed: int) -> None:
    generator = np.random.default_rng(seed)
    path = tmp_path / "a.parquet"
    parquet.write(path, frames.select(np.arange(6)), KEYS)
    data = bytearray(path.read_bytes())
    for _ in range(int(generator.integers(1, 40))):
        data[int(generator.integers(len(data)))] = int(generator.integers(256))
    path.write_bytes(bytes(data))
    for said in (refusal(lambda: read_contents(path)), refusal(lambda: list(read_frames(path, KEYS)))):
        assert "\n" not in said
