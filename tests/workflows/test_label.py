"""Quantum labels."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from hooke.atoms.facts import Facts
from hooke.atoms.frames import FrameCollector
from hooke.atoms.store import FrameStore, Source, write_frames
from hooke.core.errors import HookeError, UnknownNameError, UsageError
from hooke.core.how import QUIET
from hooke.datasets.quantum.frames import Config, Dataset
from hooke.workflows import label as workflow
from hooke.workflows._label_sources import ChargeAndSpin, EmbeddedRows, StoredFrames
from hooke.workflows.label import LabelColumns, label, label_atoms, takes_molecules

pytest.importorskip("tblite")
TABLE = "smiles,id,z\nCCO,a,1\nOCC,b,2\nC(,c,3\n[NH4+],d,4\n[CH3],e,5\nC.C,f,6\n[U],g,7\nC1CC1,h,8\n"
WATER = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.96], [0.93, 0.0, -0.24]])
QUIETLY: dict[str, Any] = {"method": "gfn2", "workers": 0, "show_progress": False}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "m.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def store(tmp_path: Path) -> FrameStore:
    """Two parts: water, a frame that is left out, hydroxyl of no stated spin; a periodic frame, then stretched water."""
    facts = Facts("", "bohr", energy_kind="total", methods=())
    parts = []
    for part in range(2):
        collector = FrameCollector("file.xyz", 0, 0)
        if part == 0:
            collector.add(np.array([8, 1, 1]), WATER[None] / 0.529177210903, name="water", smiles="O")
            collector.refuse("it has no atoms")
            collector.add(np.array([8, 1]), WATER[None, :2] / 0.529177210903, name="hydroxyl")
        else:
            collector.add(
                np.array([8, 1, 1]), WATER[None], cell=10 * np.eye(3)[None], periodic=np.ones((1, 3)), name="water"
            )
            collector.add(np.array([8, 1, 1]), 2 * WATER[None], name="water", smiles="O")
        parts.append(Source(f"part {part}", [collector.take()]))
    return write_frames(tmp_path / "store", parts, facts, "set", precision="float64")


def test_every_row_of_a_table_has_its_conformers_or_a_reason(table: Path, tmp_path: Path) -> None:
    report = label(table, tmp_path / "l.parquet", conformers=2, **QUIETLY)
    rows = pl.read_parquet(tmp_path / "l.parquet")
    assert (report.rows, report.done, report.rejected) == (16, 10, 6)
    assert rows["row"].to_list() == [row for row in range(1, 9) for _ in range(2)]
    assert rows["conformer"].to_list() == [0, 1] * 8
    assert rows["id"].to_list() == [name for name in "abcdefgh" for _ in range(2)]
    assert rows["z_input"].to_list()[::2] == [*"12345678"]
    failed = rows.filter(pl.col("energy").is_null())
    assert len(failed) + rows["energy"].count() == 8 * 2
    assert [*dict.fromkeys(failed["id"])] == ["c", "f", "g"]
    assert failed["reason"].null_count() == 0
    done = rows.filter(pl.col("energy").is_not_null())
    assert done["converged"].all()
    assert done["reason"].null_count() == len(done)
    assert (done["scf_steps"] > 3).all()
    assert done["method"].unique().to_list() == ["gfn2"]
    assert done["engine"][0].startswith("tblite ")
    assert done.filter(pl.col("id") == "d")["charge"].to_list() == [1, 1]
    assert done.filter(pl.col("id") == "e")["multiplicity"].to_list() == [2, 2]
    assert [len(z) * 3 for z in done["z"]] == [len(p) for p in done["pos"]] == [len(f) for f in done["forces"]]
    a, b = (done.filter(pl.col("id") == name).drop("row", "id", "smiles_input", "z_input") for name in "ab")
    assert a.equals(b)  # one molecule, written twice


def test_parts_workers_and_kills_change_no_bit(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    label(table, tmp_path / "one.parquet", conformers=3, **QUIETLY)
    monkeypatch.setattr(workflow, "engine_of", lambda *args, **options: _small(*args, **options))
    monkeypatch.setattr("hooke.workflows._label_sources.FRAMES_A_PART", 1)
    monkeypatch.setattr("hooke.workflows._label_sources._JOBS_A_PART", 2)
    label(table, tmp_path / "many.parquet", conformers=3, **{**QUIETLY, "workers": 2})
    tables = [pq.read_table(tmp_path / name) for name in ("one.parquet", "many.parquet")]
    assert tables[0].equals(tables[1])


def _small(*args: Any, **options: Any) -> Any:
    from dataclasses import replace

    from hooke.atoms.engines import engine_of

    assert options.pop("forces")
    return replace(engine_of(*args, **options), frames_a_job=5)


KILLED = """
import os, signal, sys
from pathlib import Path
from hooke.core import files
from hooke.workflows import _label_sources, label
_label_sources.FRAMES_A_PART, _label_sources._JOBS_A_PART = 1, 1
left = int(sys.argv[3])
def die(step, path):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
if left:
    files.watchers.append(die)
label.label(Path(sys.argv[1]), Path(sys.argv[2]), method="gfn2", conformers=20, workers=0, show_progress=False)
"""


def test_killed_and_continued_it_gives_the_same_bytes(table: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(table)]
    assert subprocess.run([*command, str(tmp_path / "whole.parquet"), "0"], check=False).returncode == 0
    ended = subprocess.run([*command, str(tmp_path / "killed.parquet"), "6"], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "killed.parquet.parts").exists()
    assert subprocess.run([*command, str(tmp_path / "killed.parquet"), "0"], check=False).returncode == 0
    assert (tmp_path / "killed.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert not [name for name in os.listdir(tmp_path) if ".parts" in name or name.endswith(".tmp")]


def test_frames_keep_their_geometry_and_their_place(store: FrameStore, tmp_path: Path) -> None:
    report = label(store, tmp_path / "l.parquet", **QUIETLY)
    rows = pl.read_parquet(tmp_path / "l.parquet")
    assert (report.rows, report.done) == (5, 2)
    assert list(zip(rows["subset"], rows["row"], strict=True)) == [
        ("part 0", 1), ("part 0", 2), ("part 0", 3), ("part 1", 1), ("part 1", 2)
    ]  # fmt: skip
    assert rows["reason"].to_list() == [
        None, "it has no atoms", "it has an odd number of electrons and states no multiplicity: state its charge or multiplicity",
        "it repeats in space; labels are those of open boundaries", None,
    ]  # fmt: skip
    assert rows["name"].to_list() == ["water", None, None, None, "water"]
    assert rows["smiles"].to_list() == ["O", None, None, None, "O"]
    np.testing.assert_allclose(np.array(rows["pos"][0]).reshape(-1, 3), WATER, atol=1e-12)
    stated = label(store, tmp_path / "radicals.parquet", charge=1, multiplicity=2, **QUIETLY)
    assert stated.reasons["it repeats in space; labels are those of open boundaries"] == 1
    assert "8 electrons (charge 1) have no state of multiplicity 2" in stated.reasons


def test_frames_are_the_same_from_another_place(store: FrameStore) -> None:
    source = StoredFrames(store, ChargeAndSpin(), 2)
    assert [*source.jobs(skip=1)] == [2, 4]
    again = source.__reduce__()
    other = again[0](*again[1])
    assert other.content_hash() == source.content_hash()
    assert other.chunk(other.prepare(2)).table.equals(source.chunk(source.prepare(2)).table)


@pytest.mark.mirror
def test_molecules_of_a_data_set_travel_with_their_frames(tmp_path: Path) -> None:
    from hooke.datasets.quantum import spice

    store = spice.Dataset(spice.Config(parts="ions", precision="float64")).prepare(tmp_path, QUIET)
    source = StoredFrames(store, ChargeAndSpin(), 51)
    rows = source.chunk(source.prepare(51)).table
    (name,), (smiles,) = ({*rows[column].to_pylist()} for column in ("name", "smiles"))
    assert name in store.molecules["name"].to_list()
    assert ":1]" in smiles
    assert rows["row"].to_pylist() == [*range(52, 103)]


def test_jobs_continue_where_they_were(table: Path) -> None:
    from hooke.molecules.source import TableRows

    source = EmbeddedRows(TableRows.open(table), 3, 0, ChargeAndSpin(), 5)
    jobs = [[frame[:2] for frame in job] for job in source.jobs()]
    assert [frame for job in jobs for frame in job] == [(row, number) for row in range(1, 9) for number in range(3)]
    assert {len(job) for job in jobs[:-1]} == {5}
    for skip in range(len(jobs)):
        assert [[frame[:2] for frame in job] for job in source.jobs(skip=skip)] == jobs[skip:]


def test_what_is_written_is_read_without_being_told_anything(table: Path, tmp_path: Path) -> None:
    label(table, tmp_path / "l.parquet", **QUIETLY)
    label(table, tmp_path / "l.extxyz", **QUIETLY)
    rows = pl.read_parquet(tmp_path / "l.parquet").filter(pl.col("energy").is_not_null())
    for name in ("l.parquet", "l.extxyz"):
        store = Dataset(Config(str(tmp_path / name), precision="float64")).prepare(
            tmp_path / name.replace(".", ""), QUIET
        )
        facts = Facts("eV", "angstrom", "eV/angstrom", "force", "total", ("gfn2",), ("gfn2",))
        assert store.facts == facts
        frames = store.gather(np.arange(len(store)))
        assert np.array_equal(frames.energies[:, 0], rows["energy"].to_numpy())
        assert np.array_equal(frames.forces.ravel(), np.concatenate([np.array(each) for each in rows["forces"]]))
        assert frames.charge.tolist() == rows["charge"].to_list()
        assert frames.multiplicity.tolist() == rows["multiplicity"].to_list()
        assert store.molecules["smiles"].to_list() == [*dict.fromkeys(rows["smiles"])]
    assert len(store.rejected) == 0
    refused = Dataset(Config(str(tmp_path / "l.parquet"))).prepare(tmp_path / "again", QUIET).rejected
    assert "it has no label: it has 2 fragments, whose places are unknown" in refused["reason"].to_list()
    assert len(refused) == 3


def test_another_unit_or_method_than_the_file_states_is_refused(table: Path, tmp_path: Path) -> None:
    label(table, tmp_path / "l.parquet", **QUIETLY)
    for given, message in (
        ({"energy_unit": "hartree"}, "states energy_unit=eV; it cannot be hartree"),
        ({"methods": "gfn1"}, "states methods=gfn2; it cannot be gfn1"),
    ):
        with pytest.raises(UsageError, match=message):
            Dataset(Config(str(tmp_path / "l.parquet"), **given)).prepare(tmp_path / "s", QUIET)


def test_files_of_two_methods_are_no_one_set(table: Path, tmp_path: Path) -> None:
    label(table, tmp_path / "a.parquet", **QUIETLY)
    label(table, tmp_path / "b.parquet", **{**QUIETLY, "method": "gfn1"})
    with pytest.raises(UsageError, match="b.parquet states methods gfn1; the frames are gfn2"):
        Dataset(Config(f"{tmp_path / 'a.parquet'},{tmp_path / 'b.parquet'}")).prepare(tmp_path / "s", QUIET)


def test_isolated_atoms_are_read_as_e0(table: Path, tmp_path: Path) -> None:
    label(table, tmp_path / "l.parquet", **QUIETLY)
    atoms = label_atoms("gfn2", ("H", "C", "N", "O"), tmp_path / "atoms.extxyz", workers=0, show_progress=False)
    assert [atom.multiplicity for atom in atoms] == [2, 3, 4, 3]
    assert atoms[0].energy == pytest.approx(-10.7072, abs=1e-3)
    config = Config(str(tmp_path / "l.parquet"), isolated_atoms=str(tmp_path / "atoms.extxyz"))
    store = Dataset(config).prepare(tmp_path / "s", QUIET)
    formed = store.energies(np.arange(len(store)), "formation")[:, 0]
    ethanol = 2 * atoms[1].energy + 6 * atoms[0].energy + atoms[3].energy
    assert formed[0] == pytest.approx(store.energies(np.arange(1))[0, 0] - ethanol, abs=1e-9)
    assert formed[0] == pytest.approx(-45.3, abs=0.3)
    label_atoms("gfn1", ("H", "C", "N", "O"), tmp_path / "other.extxyz", workers=0, show_progress=False)
    config = Config(str(tmp_path / "l.parquet"), isolated_atoms=str(tmp_path / "other.extxyz"))
    with pytest.raises(UsageError, match="other.extxyz states methods gfn1; the frames are gfn2"):
        Dataset(config).prepare(tmp_path / "s", QUIET)


def test_isolated_atoms_are_converted_to_the_unit_of_the_frames(tmp_path: Path) -> None:
    label_atoms("gfn2", ("H",), tmp_path / "atoms.extxyz", workers=0, show_progress=False)
    (tmp_path / "h2.xyz").write_text("2\nenergy=-0.98\nH 0 0 0\nH 0 0 0.75\n")
    config = Config(
        str(tmp_path / "h2.xyz"), energy_unit="hartree", energy_kind="total", methods="gfn2",
        isolated_atoms=str(tmp_path / "atoms.extxyz"),
    )  # fmt: skip
    store = Dataset(config).prepare(tmp_path / "s", QUIET)
    assert store.energies(np.arange(1), "formation")[0, 0] == pytest.approx(-0.98 + 2 * 0.393483, abs=1e-4)


def test_atoms_that_cannot_be_computed_are_said(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="element 'Cx'"):
        label_atoms("gfn2", ("Cx",), show_progress=False)
    with pytest.raises(UsageError, match="not that of U"):
        label_atoms("gfn2", ("U",), show_progress=False)
    with pytest.raises(UsageError, match="at least one element"):
        label_atoms("gfn2", (), show_progress=False)


def test_atoms_of_3bpa_are_reproduced() -> None:
    """Acceptance: within 3 meV of the file's isolated atoms."""
    pytest.importorskip("pyscf")
    atoms = label_atoms("pyscf:wb97x/6-31g*", workers=0, show_progress=False)
    expected = {"H": -13.5872, "C": -1029.4890, "N": -1484.9815, "O": -2041.9816}
    assert {atom.element: atom.energy for atom in atoms} == pytest.approx(expected, abs=0.003)


def test_failures_of_engines_are_reasons(store: FrameStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hooke.atoms.engines import Computed
    from hooke.atoms.engines.tight_binding import TbliteEngine

    monkeypatch.setattr(TbliteEngine, "compute", lambda *_: Computed(np.nan, np.zeros((3, 3)), 1))
    report = label(store, tmp_path / "l.parquet", **QUIETLY)
    assert report.reasons["its energy or forces are not finite"] == 2
    with pytest.raises(HookeError):
        monkeypatch.setattr(TbliteEngine, "compute", _fails)
        label_atoms("gfn2", ("H",), workers=0, show_progress=False)


def _fails(*_: object) -> None:
    from hooke.atoms.engines import UnlabelledError

    raise UnlabelledError("not converged")


def test_pyscf_labels_a_table(tmp_path: Path) -> None:
    pytest.importorskip("pyscf")
    (tmp_path / "m.smi").write_text("[H][H] hydrogen\n")
    report = label(tmp_path / "m.smi", tmp_path / "l.parquet", **{**QUIETLY, "method": "pyscf:pbe/sto-3g", "grid": 0})
    assert report.done == 1
    assert "grid level 0 shifts energies" in report.facts["caution"]
    rows = pl.read_parquet(tmp_path / "l.parquet")
    assert rows["method"][0] == "pbe/sto-3g"
    assert "grid 0" in rows["engine"][0]


def test_which_files_are_embedded(table: Path, tmp_path: Path) -> None:
    label(table, tmp_path / "l.parquet", **QUIETLY)
    pl.DataFrame({"smiles": ["C"]}).write_parquet(tmp_path / "t.parquet")
    assert takes_molecules(table, None)
    assert takes_molecules(Path("m.smi.gz"), None)
    assert takes_molecules(tmp_path / "t.parquet", None)
    assert not takes_molecules(tmp_path / "l.parquet", None)
    assert takes_molecules(tmp_path / "l.parquet", 1)
    assert (takes_molecules(Path("a.sdf"), None), takes_molecules(Path("a.sdf"), 1)) == (False, True)
    assert not takes_molecules(Path("a.extxyz.gz"), None)


def test_options_that_do_not_belong_are_refused(store: FrameStore, table: Path, tmp_path: Path) -> None:
    for given, options, message in (
        (store, {"conformers": 2}, "belong to tables of molecules"),
        (store, {"seed": 0}, "belong to tables of molecules"),
        (table, {"conformers": 0}, "the number of conformers is 1 or more"),
        (table, {"multiplicity": 0}, "a multiplicity is 1 or more"),
        (table, {"grid": 2}, "belong to pyscf:XC/BASIS"),
    ):
        with pytest.raises(UsageError, match=message):
            label(given, tmp_path / "l.parquet", **QUIETLY, **options)


def test_the_columns_state_what_they_are() -> None:
    columns = LabelColumns(workflow.engine_of("gfn2"))
    assert columns.numbers.checked() == columns.numbers
    assert json.dumps(dict(columns.facts))


OWN: dict[str, Any] = {"method": "b3lyp/sto-3g", "grid": 0, "workers": 0, "show_progress": False}


def test_own_density_functionals_label_a_table(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    (tmp_path / "m.csv").write_text("smiles,id\n[H][H],a\nO,b\n[CH3],c\n[Br-],d\nO,e\n[OH-],f\n")
    report = label(tmp_path / "m.csv", tmp_path / "l.parquet", conformers=2, **OWN)
    rows = pl.read_parquet(tmp_path / "l.parquet")
    assert (report.rows, report.done, report.rejected) == (12, 8, 4)
    assert rows["id"].to_list() == [name for name in "abcdef" for _ in range(2)]
    done = rows.filter(pl.col("reason").is_null())
    for name in ("energy", "forces", "homo", "gap", "dipole", "last_change", "noise", "grid", "precision", "scf_steps"):
        assert done[name].null_count() == 0
        assert rows.filter(pl.col("reason").is_not_null())[name].null_count() == 4
    assert done["converged"].all()
    assert done["grid"].unique().to_list() == [0]
    assert done["precision"].unique().to_list() == ["float64"]
    assert done["engine"][0].startswith("hooke ")
    np.testing.assert_allclose(done["gap"], done["lumo"] - done["homo"])
    reasons = dict(zip(rows["id"], rows["reason"], strict=True))
    assert "restricted to closed shells" in reasons["c"]
    assert "no basis functions for Br" in reasons["d"]
    energies = {key: rows.filter(pl.col("id") == key)["energy"].to_numpy() for key in "be"}
    np.testing.assert_allclose(energies["b"], energies["e"], atol=1e-7)
    store = Dataset(Config(str(tmp_path / "l.parquet"), precision="float64")).prepare(tmp_path / "s", QUIET)
    assert store.facts.properties == (("homo", "eV"), ("lumo", "eV"), ("gap", "eV"), ("dipole", "debye"))
    frames = store.gather(np.arange(len(store)))
    np.testing.assert_array_equal(frames.properties[:, 2], done["gap"].to_numpy())
    label(tmp_path / "m.csv", tmp_path / "l.extxyz", conformers=2, **OWN)
    assert (tmp_path / "l.extxyz").read_text().count("gap=") == 8


def test_a_dry_run_writes_nothing_and_counts_every_frame(table: Path, tmp_path: Path, store: FrameStore) -> None:
    before = sorted(tmp_path.rglob("*"))
    for source, options, frames, failed in ((table, {"conformers": 3}, 24, 9), (store, {}, 5, 3)):
        found = workflow.estimate(source, method="gfn2", workers=2, **options)
        assert (found.frames, found.sampled, found.failed, found.workers) == (frames, frames, failed, 2)
        assert found.hours == pytest.approx(found.frames * found.seconds_a_frame / 2 / 3600)
        assert "nothing is written" in found.summary()
        assert found.to_json()["method"] == "gfn2"
    assert sorted(tmp_path.rglob("*")) == before
    (tmp_path / "empty.csv").write_text("smiles\n")
    with pytest.raises(HookeError, match="no rows"):
        workflow.estimate(tmp_path / "empty.csv", method="gfn2")


def test_gaps_without_forces_in_the_schema_of_qm1b(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    from hooke.datasets.quantum.qm1b import Config as Qm1bConfig
    from hooke.datasets.quantum.qm1b import Dataset as Qm1b

    (tmp_path / "m.csv").write_text("smiles\nO\n[CH3]\nCC\n")
    report = label(tmp_path / "m.csv", tmp_path / "l.parquet", forces=False, **OWN)
    assert (report.done, report.rejected) == (2, 1)
    rows = pl.read_parquet(tmp_path / "l.parquet")
    assert "forces" not in rows.columns
    assert workflow.export_qm1b(tmp_path / "l.parquet", tmp_path / "q.parquet") == 2
    written = pl.read_parquet(tmp_path / "q.parquet")
    assert written.columns == ["smile", "atoms", "z", "energy", "homo", "lumo", "N", "std", "y", "pos"]
    assert written["atoms"].to_list() == ["OHH", "CCHHHHHH"]
    assert written["N"].to_list() == [7, 16]
    assert written["y"].to_list() == rows["gap"].drop_nulls().to_list()
    store = Qm1b(Qm1bConfig(str(tmp_path / "q.parquet"), precision="float64")).prepare(tmp_path / "s", QUIET)
    frames = store.in_units("eV", "angstrom").gather(np.arange(2))
    np.testing.assert_allclose(
        frames.positions.ravel(), np.concatenate(rows["pos"].drop_nulls().to_list()[::2]), atol=1e-9
    )
    assert store.molecules["smiles"].to_list() == ["O", "CC"]
    own = Dataset(Config(str(tmp_path / "l.parquet"))).prepare(tmp_path / "own", QUIET)
    assert (own.facts.force_unit, own.facts.force_methods) == ("", ())
    for wrong, message in (("gfn2", "labels without forces are offered by XC/BASIS alone"),):
        with pytest.raises(UsageError, match=message):
            label(tmp_path / "m.csv", tmp_path / "w.parquet", **{**OWN, "method": wrong, "grid": None}, forces=False)
    label(tmp_path / "m.csv", tmp_path / "g.parquet", **QUIETLY)
    with pytest.raises(HookeError, match="holds no orbital energies"):
        workflow.export_qm1b(tmp_path / "g.parquet", tmp_path / "w.parquet")
