"""Relaxation of files with a trained potential: every row, the same after a kill, and forces that belong to the geometry."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from hooke.atoms.facts import Facts
from hooke.atoms.formats import read_contents, read_frames, resolve, sdf, xyz
from hooke.atoms.frames import Frames
from hooke.atoms.keys import Keys
from hooke.atoms.twins import SMILES, made_frames
from hooke.core.errors import UnknownNameError, UsageError
from hooke.inference.loaded import LoadedRun
from hooke.modalities.atoms.export import table_rows, write_results
from hooke.workflows.relaxation import CONVERGED, relax_file
from hooke.workflows.run_potential import RunPotential

FACTS = Facts("eV", "angstrom", "eV/angstrom", "force", "formation", ("gfn2",), ("gfn2",))
KEYS = Keys(("energy",), ("forces",), name="name")
FMAX = 0.03
STRANGE = """1
an element that nobody trained on
Xe 0 0 0
2
not a number
O 0 0 zero
H 0 0 1
2
in one place
O 0 0 0
H 0 0 0.001
3
charge=2
O 0 0 0
H 0.96 0 0
H -0.24 0.93 0
"""


@pytest.fixture(scope="module")
def run(potential_run: Path) -> LoadedRun:
    return LoadedRun.open(potential_run, "cpu")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 frames of eight molecules, and four that cannot be relaxed."""
    path = tmp_path_factory.mktemp("frames") / "frames.extxyz"
    xyz.write(path, made_frames(FACTS, seed=1), KEYS)
    path.write_text(path.read_text() + STRANGE)
    return path


def frames_of(path: Path) -> Frames:
    contents = read_contents(path)
    keys = resolve(contents.keys, contents, path.name)
    return Frames.joined([frames for frames, _ in read_frames(path, keys) if frames is not None])


@pytest.mark.parametrize("optimiser", ["lbfgs", "fire"])
def test_every_row_is_relaxed_or_listed(run: LoadedRun, source: Path, tmp_path: Path, optimiser: str) -> None:
    output = tmp_path / "relaxed.extxyz"
    report = relax_file(run, source, output, fmax=FMAX, optimiser=optimiser, workers=0, show_progress=False)
    rows = pl.read_parquet(tmp_path / "relaxed.extxyz.parquet")
    assert (
        (report.rows, report.done, report.rejected)
        == (28, 24, 4)
        == (len(rows), *(rows["reason"].is_null().value_counts(sort=True)["count"]))
    )
    assert report.counts["outcome"] == {CONVERGED: 24}
    reasons = rows["reason"].to_list()[24:]
    assert "Xe" in reasons[0]
    assert "zero" in reasons[1]
    assert "coincide" in reasons[2]
    assert "charge +2" in reasons[3]
    assert rows["pos"].to_list()[24:] == [None] * 4
    relaxed = frames_of(output)
    assert len(relaxed) == 24
    potential = RunPotential(run)
    from hooke.atoms.batch import atoms_batch

    energies, forces = potential(atoms_batch(relaxed, np.arange(24), dtype=torch.float64))
    assert np.abs(energies.numpy() - relaxed.energies[:, 0]).max() < 1e-5
    assert np.abs(forces.numpy() - relaxed.forces[..., 0]).max() < 1e-4
    assert float(forces.norm(dim=1).max()) <= FMAX
    before, _ = potential(atoms_batch(frames_of_start(source), np.arange(24), dtype=torch.float64))
    assert bool((energies <= before + 1e-6).all())


def frames_of_start(source: Path) -> Frames:
    keys = Keys(charge="charge", name="name")
    [(frames, _)] = read_frames(source, keys)
    assert frames is not None
    return frames.select(np.arange(24))


def test_nothing_depends_on_processes_or_on_the_rows_beside(run: LoadedRun, source: Path, tmp_path: Path) -> None:
    together = tmp_path / "together.parquet"
    relax_file(run, source, together, fmax=FMAX, workers=2, show_progress=False)
    alone = tmp_path / "alone.extxyz"
    xyz.write(alone, frames_of_start(source).select(np.array([17])), Keys(name="name"))
    relax_file(run, alone, tmp_path / "alone.parquet", fmax=FMAX, workers=0, show_progress=False)
    here, there = pl.read_parquet(together), pl.read_parquet(tmp_path / "alone.parquet")
    assert abs(here["energy"][17] - there["energy"][0]) < 1e-4
    assert np.allclose(here["pos"][17].to_numpy(), there["pos"][0].to_numpy(), atol=1e-3)
    again = relax_file(run, source, together, fmax=FMAX, workers=1, show_progress=False)
    assert again.resumed_rows == 28  # finished: nothing is done again
    assert relax_file(run, source, together, fmax=FMAX, steps=1, show_progress=False, workers=0).resumed_rows == 0
    outcomes = pl.read_parquet(together)["outcome"].to_list()
    assert "not converged after 1 steps" in outcomes


def test_a_killed_relaxation_goes_on_to_the_same_results(run: LoadedRun, source: Path, tmp_path: Path) -> None:
    many = tmp_path / "many.extxyz"
    many.write_text(source.read_text() * 3)
    whole = tmp_path / "whole.parquet"
    relax_file(run, many, whole, fmax=FMAX, steps=8, workers=0, show_progress=False)
    killed = tmp_path / "killed.parquet"
    start = [sys.executable, "-c", "from hooke.cli.main import run; run()", "relax", str(many)]
    command = [
        *start,
        "--run",
        str(run.run.folder),
        "-o",
        str(killed),
        "--fmax",
        str(FMAX),
        "--steps",
        "8",
        "--workers",
        "1",
    ]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    part = tmp_path / "killed.parquet.parts" / "part-000000.parquet"
    while not part.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    report = relax_file(run, many, killed, fmax=FMAX, steps=8, workers=0, show_progress=False)
    assert 0 < report.resumed_rows <= 84
    assert pl.read_parquet(whole).equals(pl.read_parquet(tmp_path / "killed.parquet"))


def test_records_keep_their_bonds_and_tags(run: LoadedRun, tmp_path: Path) -> None:
    path, output = tmp_path / "ligands.sdf", tmp_path / "relaxed.sdf"
    with Chem.SDWriter(str(path)) as writer:
        for number, smiles in enumerate(SMILES):
            molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
            rdDistGeom.EmbedMolecule(molecule, randomSeed=1)
            molecule.SetProp("_Name", f"ligand {number}")
            molecule.SetProp("shelf", str(number))
            writer.write(molecule)
        text = "\n\n\n  garbage\n$$$$\n"
    path.write_text(path.read_text() + text)
    report = relax_file(run, path, output, fmax=FMAX, workers=0, show_progress=False)
    assert (report.rows, report.rejected) == (9, 1)
    found = list(Chem.SDMolSupplier(str(output), removeHs=False))
    rows = pl.read_parquet(tmp_path / "relaxed.sdf.parquet")
    assert len(found) == 8
    for number, (molecule, smiles) in enumerate(zip(found, SMILES, strict=True)):
        assert Chem.MolToSmiles(Chem.RemoveHs(molecule)) == Chem.CanonSmiles(smiles)
        assert molecule.GetProp("_Name") == f"ligand {number}"
        assert molecule.GetProp("shelf") == str(number)
        assert molecule.GetProp("outcome") == CONVERGED
        assert float(molecule.GetProp("energy")) == rows["energy"][number]
        assert np.allclose(molecule.GetConformer().GetPositions().ravel(), rows["pos"][number].to_numpy(), atol=1e-5)
    bare = tmp_path / "bare.sdf"
    write_results(tmp_path / "relaxed.sdf.parquet", bare, None, ("max_force",), {})
    assert [molecule.GetNumBonds() for molecule in sdf.records(bare) if molecule is not None] == [0] * 8
    assert sum(1 for _ in table_rows(tmp_path / "relaxed.sdf.parquet")) == 9


def test_cells_are_kept(run: LoadedRun, tmp_path: Path) -> None:
    pytest.importorskip("vesin")
    frames = made_frames(FACTS, seed=2).select(np.arange(3))
    cell, along = np.repeat(np.diag([7.0, 7.5, 8.0])[None], 3, axis=0), np.array([[True, True, False]] * 3)
    path = tmp_path / "cells.extxyz"
    xyz.write(path, replace(frames, cell=cell, periodic=along), KEYS)
    relax_file(run, path, tmp_path / "relaxed.xyz", fmax=FMAX, workers=0, show_progress=False)
    relaxed = frames_of(tmp_path / "relaxed.xyz")
    assert np.array_equal(relaxed.cell, cell)
    assert np.array_equal(relaxed.periodic, along)


def test_what_cannot_be_done_is_refused(run: LoadedRun, source: Path, tmp_path: Path, make_run: object) -> None:
    for options, message in (
        ({"fmax": 0.0}, "fmax is above 0"),
        ({"steps": -1}, "steps is 0 or more"),
        ({"optimiser": "bfgs"}, "lbfgs"),
    ):
        with pytest.raises(UsageError, match=message):
            relax_file(run, source, tmp_path / "r.parquet", **options)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match="gfn2"):
        relax_file(run, source, tmp_path / "r.parquet", method="gfn1")
    molecules = LoadedRun.open(make_run(tmp_path), "cpu")  # type: ignore[operator]
    with pytest.raises(UsageError, match="is not a potential"):
        relax_file(molecules, source, tmp_path / "r.parquet")


def test_predictions_as_extended_xyz(run: LoadedRun, source: Path, tmp_path: Path) -> None:
    from hooke.inference.predict import predict

    output = tmp_path / "predicted.extxyz"
    report = predict(run, source, output, workers=0, show_progress=False)
    assert (report.rows, report.rejected) == (28, 4)
    found, rows = frames_of(output), pl.read_parquet(tmp_path / "predicted.extxyz.parquet")
    assert len(found) == 24
    assert np.array_equal(found.energies[:, 0], rows["energy"].drop_nulls().to_numpy())
    assert np.allclose(found.forces[:3, :, 0], np.stack(rows["forces"][0].to_list()))
    assert read_contents(output).stated["force_unit"] == "eV/angstrom"
    alone = tmp_path / "energies.xyz"
    predict(run, source, alone, levels=["frame"], workers=0, show_progress=False)
    assert frames_of(alone).forces.shape[-1] == 0
