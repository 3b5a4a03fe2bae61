"""`hooke dynamics` as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hooke.atoms.facts import Facts
from hooke.atoms.formats import xyz
from hooke.atoms.keys import Keys
from hooke.atoms.twins import made_frames

FACTS = Facts("eV", "angstrom", "eV/angstrom", "force", "formation", ("gfn2",), ("gfn2",))


def test_every_system_moves_or_is_listed(hooke, potential_run: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    xyz.write(tmp_path / "frames.xyz", made_frames(FACTS).select(np.array([0, 5, 9])), Keys(("energy",), ("forces",)))
    with (tmp_path / "frames.xyz").open("a") as file:
        file.write('1\nProperties=species:S:1:pos:R:3 pbc="F F F"\nXe 0.0 0.0 0.0\n')
    found = hooke(
        "dynamics", "frames.xyz", "--run", potential_run, "--steps", "4", "--every", "2", "-o", "moved.extxyz"
    )
    assert found.code == 0, found.err
    assert "4 systems: 3 moved, 1 left out" in found.out
    assert "system 4: " in found.out
    assert "9 states written to moved.extxyz" in found.out
    again = hooke(
        "dynamics", "frames.xyz", "--run", potential_run, "--steps", "4", "--every", "2", "-o", "again.extxyz", "--json"
    )
    said = json.loads(again.out)
    assert (said["systems"], said["states"], [*said["left_out"]]) == (3, 9, ["4"])
    assert Path("moved.extxyz").read_bytes() == Path("again.extxyz").read_bytes()
    for arguments, message in (
        (("-o", "moved.sdf"), "must end in .extxyz or .xyz"),
        (("-o", "frames.xyz"), "is also an input"),
        (("-o", "m.xyz", "--timestep", "-1"), "time step is above 0"),
        (("-o", "m.xyz", "--method", "gfn1"), "gfn2"),
    ):
        found = hooke("dynamics", "frames.xyz", "--run", potential_run, *arguments)
        assert found.code == 2, found.err
        assert message in found.err
