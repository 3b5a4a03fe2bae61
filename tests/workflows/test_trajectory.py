"""Trajectories: every state on the surface, energy kept, a bath at its temperature, systems that cannot be simulated listed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import hooke
from hooke.atoms.facts import Facts
from hooke.atoms.formats import read_frames, xyz
from hooke.atoms.frames import FrameCollector, Frames
from hooke.atoms.keys import Keys
from hooke.atoms.twins import made_frames
from hooke.core.errors import DataError, UsageError

FACTS = Facts("eV", "angstrom", "eV/angstrom", "force", "formation", ("gfn2",), ("gfn2",))
KEYS = Keys(("energy",), ("forces",), properties=("system", "time", "kinetic_energy"))


def states(path: Path) -> Frames:
    return Frames.joined([frames for frames, _ in read_frames(path, KEYS) if frames is not None])


def given(folder: Path) -> Path:
    collector = FrameCollector("xenon", 1, 1)
    collector.add(np.array([54]), np.zeros((1, 1, 3)))
    xenon, _ = collector.take()
    assert xenon is not None
    made = made_frames(FACTS, 5)
    path = folder / "some.extxyz"
    xyz.write(
        path,
        Frames.joined([made.select(np.array([0])), xenon, made.select(np.array([4]))]),
        Keys(("energy",), ("forces",)),
    )
    return path


def test_states_lie_on_the_surface_and_keep_their_energy(potential_run: Path, tmp_path: Path) -> None:
    source = given(tmp_path)
    options = {
        "run": potential_run,
        "steps": 20,
        "every": 5,
        "temperature": 50.0,
        "device": "cpu",
        "show_progress": False,
    }
    found = hooke.dynamics(source, tmp_path / "a.extxyz", timestep=0.2, **options)
    assert (found.systems, found.states) == (2, 2 * 5)
    assert list(found.left_out) == [2]
    assert "Xe" in found.left_out[2]
    written = states(tmp_path / "a.extxyz")
    assert written.properties[:, 0].tolist() == [1, 3] * 5
    assert sorted(set(written.properties[:, 1])) == pytest.approx([0, 1, 2, 3, 4])
    calculator = hooke.calculator(potential_run, device="cpu")
    ase = pytest.importorskip("ase")
    for frame in (0, 9):
        atoms = slice(written.offsets[frame], written.offsets[frame + 1])
        system = ase.Atoms(written.numbers[atoms], written.positions[atoms], calculator=calculator)
        assert system.get_potential_energy() == pytest.approx(written.energies[frame, 0], abs=1e-4)
    total = written.energies[:, 0] + written.properties[:, 2]
    assert np.abs(total[2:] - np.tile(total[:2], 4)).max() < 2e-3
    assert found.drift < 1e-3
    hooke.dynamics(source, tmp_path / "b.extxyz", timestep=0.2, **options)
    assert (tmp_path / "a.extxyz").read_bytes() == (tmp_path / "b.extxyz").read_bytes()


def test_a_bath_warms_and_refusals(potential_run: Path, tmp_path: Path) -> None:
    source = given(tmp_path)
    cold = {"run": potential_run, "temperature": 300.0, "device": "cpu", "show_progress": False}
    warm = hooke.dynamics(source, tmp_path / "c.extxyz", steps=60, every=2, timestep=0.2, friction=0.2, **cold)
    assert 100 < warm.temperature < 700
    with pytest.raises(UsageError, match="time step"):
        hooke.dynamics(source, tmp_path / "d.extxyz", steps=1, timestep=0.0, **cold)
    lone = tmp_path / "lone.xyz"
    lone.write_text("1\n\nXe 0 0 0\n")
    with pytest.raises(DataError, match="no system can be simulated"):
        hooke.dynamics(lone, tmp_path / "e.extxyz", steps=1, **cold)
    with pytest.raises(UsageError, match="extxyz"):
        hooke.dynamics(source, tmp_path / "e.parquet", steps=1, **cold)
