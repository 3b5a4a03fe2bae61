"""docs/potentials.md: its commands run on a file of frames."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tests.cli.conftest import run_page

from hooke.atoms.facts import Facts
from hooke.atoms.formats import xyz
from hooke.atoms.keys import Keys
from hooke.atoms.twins import isolated_frames, made_frames

PAGE = (Path(__file__).parents[2] / "docs" / "potentials.md").read_text(encoding="utf-8")
METHODS = ("pbe/def2-svp",)


def test_the_commands_of_the_page(hooke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    frames = made_frames(Facts("eV", "angstrom", "eV/angstrom", "force", "total", METHODS, METHODS))
    for name in ("frames", "new"):
        xyz.write(tmp_path / f"{name}.extxyz", frames, Keys(("energy",), ("forces",), name="name"))
    xyz.write(tmp_path / "atoms.extxyz", isolated_frames(METHODS), Keys(("energy",)))
    run_page(hooke, PAGE.split("## Beside each other")[0])
    predicted = pl.read_parquet(tmp_path / "predictions.parquet")
    assert len(predicted) == len(frames)
    assert predicted["energy"].dtype == pl.Float64
    assert {"domain", "embedding_distance"} <= set(predicted.columns)
    assert "domain" not in pl.read_parquet_schema(tmp_path / "plain.parquet")


def test_missing_isolated_atoms_are_asked_for(hooke, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    frames = made_frames(Facts("eV", "angstrom", "eV/angstrom", "force", "total", METHODS, METHODS))
    xyz.write(tmp_path / "frames.extxyz", frames, Keys(("energy",), ("forces",), name="name"))
    stated = (
        "data.energy_unit=eV",
        "data.force_unit=eV/angstrom",
        "data.energy_kind=total",
        "data.methods=pbe/def2-svp",
    )
    found = hooke("fit", "own_potential", f"data.path={tmp_path / 'frames.extxyz'}", *stated, "train.epochs=1")
    assert found.code == 1 or found.code == 2
    assert "data.isolated_atoms=FILE" in " ".join(found.err.split())
