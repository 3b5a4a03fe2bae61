"""Potentials from Python."""

from __future__ import annotations

from pathlib import Path

import pytest

import hooke
from hooke.atoms.facts import Facts
from hooke.atoms.formats import xyz
from hooke.atoms.keys import Keys
from hooke.atoms.twins import made_frames
from hooke.core.errors import DataError, UsageError

FACTS = Facts("eV", "angstrom", "eV/angstrom", "force", "formation", ("gfn2",), ("gfn2",))


def test_relax(potential_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "frames.extxyz"
    xyz.write(path, made_frames(FACTS), Keys(("energy",), ("forces",)))
    output = tmp_path / "relaxed.sdf"
    report = hooke.relax(path, output, run=potential_run, fmax=0.1, workers=0, device="cpu", show_progress=False)
    assert report.done == 24
    assert output.read_text().count("$$$$") == 24
    with pytest.raises(DataError, match="does not exist"):
        hooke.relax(tmp_path / "none.xyz", output, run=potential_run, device="cpu")
    with pytest.raises(UsageError, match="must end in"):
        hooke.relax(path, tmp_path / "relaxed.pdb", run=potential_run)
    with pytest.raises(UsageError, match="length_units"):
        hooke.relax(path, output, run=potential_run, device="cpu", length_units="nm")


def test_calculator(potential_run: Path) -> None:
    pytest.importorskip("ase")
    assert hooke.calculator(potential_run, device="cpu").potential.method == "gfn2"
