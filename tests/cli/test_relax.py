"""`hooke relax` as people type it."""

from __future__ import annotations

import json
from pathlib import Path

from hooke.atoms.facts import Facts
from hooke.atoms.formats import xyz
from hooke.atoms.keys import Keys
from hooke.atoms.twins import made_frames

FACTS = Facts("eV", "angstrom", "eV/angstrom", "force", "formation", ("gfn2",), ("gfn2",))


def test_relaxing_and_predicting_frames(hooke, potential_run: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    xyz.write(tmp_path / "frames.xyz", made_frames(FACTS), Keys(("energy",), ("forces",)))
    common = ("--run", potential_run, "--workers", "0", "--fmax", "0.1")
    found = hooke("relax", "frames.xyz", *common, "-o", "relaxed.extxyz")
    assert found.code == 0, found.err
    assert "24 systems: 24 done, 0 rejected, written to relaxed.extxyz" in found.out
    assert "outcome: 24 converged" in found.out
    report = json.loads(hooke("relax", "frames.xyz", *common, "-o", "relaxed.extxyz", "--json").out)
    assert report["rows"] == report["resumed_rows"] == 24
    assert report["counts"]["outcome"] == {"converged": 24}
    assert report["fmax"] == 0.1
    found = hooke("predict", potential_run, "relaxed.extxyz", "-o", "again.extxyz", "--workers", "0")
    assert found.code == 0, found.err
    assert "forces:R:3" in Path("again.extxyz").read_text().splitlines()[1]
    found = hooke(
        "predict", potential_run, "relaxed.extxyz", "-o", "energies.parquet", "--levels", "atom", "--workers", "0"
    )
    assert found.code == 0, found.err
    for arguments, message in (
        (("frames.xyz", *common, "-o", "relaxed.pdb"), "must end in .parquet or .extxyz or .xyz or .sdf"),
        (("frames.xyz", *common, "-o", "frames.xyz"), "is also an input"),
        (("frames.xyz", *common, "-o", "r.sdf", "--optimiser", "fires"), "Did you mean 'fire'"),
        (("frames.xyz", *common, "-o", "r.sdf", "--method", "gfn1"), "gfn2"),
    ):
        found = hooke("relax", *arguments)
        assert found.code == 2
        assert message in found.err
        assert len(found.err.strip().splitlines()) == 1
