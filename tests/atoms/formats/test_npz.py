from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.atoms.conftest import refusal, same

from hooke.atoms.formats import npz, read_contents, read_frames, resolve
from hooke.atoms.frames import Frames
from hooke.atoms.keys import Keys
from hooke.core.errors import DataError, UsageError

KEYS = Keys(("E", "e2"), ("F",), ("gap",), "z", "R", "charge", "spin", name="name")


def read(path: Path, keys: Keys) -> tuple[Frames, list[str]]:
    pairs = list(read_frames(path, keys))
    return Frames.joined([frames for frames, _ in pairs if frames]), [each.reason for _, some in pairs for each in some]


@pytest.mark.parametrize("rows", [range(24), range(3)])  # padded; one molecule
def test_there_and_back(tmp_path: Path, frames: Frames, rows: range) -> None:
    path, some = tmp_path / "a.npz", frames.select(np.array(rows))
    npz.write(path, some, KEYS)
    back, rejected = read(path, KEYS)
    assert rejected == []
    same(back, some)
    assert list(back.names) == list(some.names)
    with np.load(path) as arrays:
        assert arrays["z"].ndim == (2 if len(rows) > 3 else 1)


def test_the_layout_of_sgdml_needs_no_names(tmp_path: Path) -> None:
    path = tmp_path / "water.npz"
    rng = np.random.default_rng(0)
    np.savez(
        path,
        z=[8, 1, 1],
        R=rng.normal(size=(5, 3, 3)),
        E=rng.normal(size=(5, 1)),
        F=rng.normal(size=(5, 3, 3)),
        theory="PBE",
    )
    keys = resolve(Keys(), read_contents(path), path.name)
    assert (keys.energies, keys.forces, keys.numbers, keys.positions) == (("E",), ("F",), "z", "R")
    found, _ = read(path, keys)
    assert (len(found), set(found.names)) == (5, {"water"})


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, z=[[8, 0, 1], [8, 1, 0]], R=np.zeros((2, 3, 3)), E=np.array([1, {}], dtype=object))
    found, [reason] = read(path, Keys(numbers="z", positions="R"))
    assert (len(found), reason) == (1, "padding stands between its atoms")
    assert read_contents(path).scalars == ()  # no pickle is read
    with pytest.raises(DataError, match="cannot be read"):
        list(read_frames(path, Keys(("E",), numbers="z", positions="R")))
    np.savez(path, z=[8, 1], R=np.zeros((2, 3, 3)))
    with pytest.raises(DataError, match="for atomic numbers"):
        list(read_frames(path, Keys(numbers="z", positions="R")))
    np.savez(path, z=[8], nuclear_charges=[8], R=np.zeros((2, 1, 3)))
    with pytest.raises(UsageError, match=r"state numbers_key=nuclear_charges\|z"):
        read_contents(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError):
        read_contents(path)


@pytest.mark.parametrize("seed", range(25))
def test_damaged_files_never_crash(tmp_path: Path, frames: Frames, seed: int) -> None:
    generator = np.random.default_rng(seed)
    path = tmp_path / "a.npz"
    npz.write(path, frames.select(np.arange(6)), KEYS)
    data = bytearray(path.read_bytes())
    for _ in range(int(generator.integers(1, 40))):
        data[int(generator.integers(len(data)))] = int(generator.integers(256))
    path.write_bytes(bytes(data))
    for said in (refusal(lambda: read_contents(path)), refusal(lambda: list(read_frames(path, KEYS)))):
        assert "\n" not in said
