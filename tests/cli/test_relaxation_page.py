"""docs/relaxation.md: its commands and its Python run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from hooke.atoms.facts import Facts
from hooke.atoms.formats import xyz
from hooke.atoms.keys import Keys
from hooke.atoms.twins import made_frames

pytest.importorskip("ase")
from tests.cli.conftest import run_page

PAGE = (Path(__file__).parents[2] / "docs" / "relaxation.md").read_text(encoding="utf-8")
FACTS = Facts("eV", "angstrom", "eV/angstrom", "force", "formation", ("gfn2",), ("gfn2",))


def test_the_page(hooke, potential_run: Path) -> None:  # type: ignore[no-untyped-def]
    Path("runs").mkdir()
    Path("runs/potential").symlink_to(potential_run)
    xyz.write(Path("frames.extxyz"), made_frames(FACTS).select(np.arange(0, 24, 5)), Keys(("energy",), ("forces",)))
    molecule = Chem.AddHs(Chem.MolFromSmiles("CO"))
    rdDistGeom.EmbedMolecule(molecule, randomSeed=1)
    with Chem.SDWriter("ligands.sdf") as writer:
        writer.write(molecule)
    for outcome in run_page(hooke, PAGE):
        assert any(said in outcome.out for said in ("0 rejected", "0 left out", '"left_out": {}')), outcome.out
    assert all(f"`{name}`" in PAGE for name in ("outcome", "energy", "max_force", "steps", "pos", "forces", "reason"))
