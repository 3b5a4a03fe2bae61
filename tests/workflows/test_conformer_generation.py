"""Every row and every conformer is accounted for, whatever the rows hold; killed commands go on to the same rows."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rdkit import Chem

from hooke.api.conformers import generate
from hooke.atoms.conformers.rdkit_conformers import distances_among, with_positions, without_hydrogens
from hooke.atoms.conformers.stereo import StereoElements
from hooke.atoms.engines import engine_of
from hooke.core.errors import UsageError
from hooke.workflows.conformer_generation import GenerationReport, molecule_with_hydrogens

ROWS = {
    "CC(=O)Oc1ccccc1C(=O)O": 1, "C[NH2+]CC(C)C.[Cl-]": 1, "O": 1, "[He]": 1, "[H][H]": 1, "C1CC": 0, "CC(O)CN": 0, "C[CH]C": 0, "C[Zn]C": 0,
    "": 0, "C[C@H](O)[C@@H](F)/C=C/Cl": 1, "OB(O)c1ccccc1": 1, "C[C@@]12CC[C@](C)(CC1)C2": 0, "C1CCCCCCCCCC(=O)OCC1": 1,
}  # fmt: skip


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "molecules.csv"
    path.write_text("name,smiles,energy\n" + "".join(f"m{n},{smiles},x{n}\n" for n, smiles in enumerate(ROWS, start=1)))
    return path


def made(table: Path, name: str, **options: object) -> tuple[GenerationReport, pl.DataFrame]:
    report = generate(table, table.parent / name, number=3, show_progress=False, workers=0, **options)  # type: ignore[arg-type]
    whole = table.parent / (name if name.endswith("parquet") else f"{name}.parquet")
    return report, pl.read_parquet(whole)


def test_what_came_in_is_what_is_there_and_what_is_listed(table: Path) -> None:
    report, rows = made(table, "out.sdf", prune=0.3, rank=True)
    assert report.rows == len(ROWS) == report.with_conformers + report.rejected == rows["row"].n_unique()
    assert report.with_conformers == sum(ROWS.values())
    assert report.rejected == sum(report.reasons.values()) == rows["reason"].drop_nulls().len()
    assert report.asked == report.with_conformers * 3 == report.conformers + sum(report.lost.values()) + report.pruned
    per_row = rows.filter(pl.col("reason").is_null()).group_by("row").agg(pl.len(), pl.first("asked", "lost", "pruned"))
    assert (per_row["len"] + per_row["lost"] + per_row["pruned"] == per_row["asked"]).all()
    reasons = dict(rows.filter(pl.col("reason").is_not_null()).select("row", "reason").iter_rows())
    assert "unclosed ring" in reasons[6]
    assert reasons[7] == "its stereo is undefined at C2"
    assert reasons[10] == "empty SMILES"
    assert reasons[13] == "no conformer could be made: 3 not embedded"
    assert rows["energy_input"].to_list()[0] == "x1"  # a column of the table of the same name
    records = [record for record in Chem.SDMolSupplier(str(table.parent / "out.sdf"), removeHs=False) if record]
    assert len(records) == report.conformers
    assert [record.GetProp("_Name") for record in records] == rows.filter(pl.col("pos").is_not_null())["name"].to_list()
    by_row = {int(record.GetProp("row")): record for record in records}
    for number, smiles in enumerate(ROWS, start=1):
        if number in by_row and smiles not in ("[H][H]",):
            assert Chem.MolToSmiles(Chem.RemoveHs(by_row[number])) == Chem.CanonSmiles(smiles)


def test_conformers_are_ranked_apart_right_and_plausible(table: Path) -> None:
    report, rows = made(table, "out.parquet", prune=0.3, rank=True)
    assert report.valid == report.conformers
    for (row,), group in rows.filter(pl.col("pos").is_not_null()).group_by("row", maintain_order=True):
        energies = group["energy"].drop_nulls().to_numpy()
        assert (np.diff(energies) >= 0).all()
        assert group["conformer"].to_list() == list(range(len(group)))
        molecule = molecule_with_hydrogens(group["smiles"][0])
        positions = np.array(group["pos"].to_list()).reshape(len(group), -1, 3)
        assert group["z"][0].to_list() == [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
        assert StereoElements.of(molecule).right(positions).all()
        if row not in (2, 5):  # alike but for where the ion is put
            heavy = distances_among(without_hydrogens(with_positions(molecule, positions)))
            assert (heavy + 9 * np.eye(len(heavy)) > 0.3).all()


def test_relaxation_is_said_and_seed_and_order_of_rows_decide(table: Path) -> None:
    plain, unrelaxed = made(table, "none.parquet", relax="none")
    assert set(plain.relaxations) == {"none"}
    assert unrelaxed["energy"].null_count() == len(unrelaxed)
    report, _ = made(table, "mmff.parquet")
    assert report.relaxations["MMFF94 has no parameters for it"] == 9  # boron, helium, H2
    turned = table.parent / "turned.csv"
    lines = table.read_text().splitlines()
    turned.write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    _, again = made(turned, "turned.parquet", relax="none")
    columns = ["name", "conformer", "pos"]
    assert unrelaxed.select(columns).sort("name", "conformer").equals(again.select(columns).sort("name", "conformer"))
    _, other = made(table, "other.parquet", seed=5, relax="none")
    assert not unrelaxed.select("pos").equals(other.select("pos"))


def test_more_than_200_atoms(tmp_path: Path) -> None:
    path = tmp_path / "long.smi"
    path.write_text("C" * 67 + "\n")
    report = generate(path, tmp_path / "long.parquet", number=1, relax="none", workers=0, show_progress=False)
    assert (report.conformers, report.valid) == (1, 1)
    assert len(pl.read_parquet(tmp_path / "long.parquet")["z"][0]) == 203


def test_undefined_stereo_may_be_asked_for(table: Path) -> None:
    report, rows = made(table, "any.parquet", any_stereo=True)
    assert report.with_conformers == sum(ROWS.values()) + 1
    assert rows.filter(pl.col("row") == 7)["reason"].null_count() == 3


def test_a_finished_output_is_kept_and_another_seed_makes_it_anew(table: Path) -> None:
    first, _ = made(table, "out.parquet", relax="none")
    again, _ = made(table, "out.parquet", relax="none")
    assert again.resumed == first.conformers + first.rejected
    assert dataclasses.replace(again, seconds=0, resumed=0) == dataclasses.replace(first, seconds=0, resumed=0)
    other, _ = made(table, "out.parquet", relax="none", seed=3)
    assert other.resumed == 0
    assert "rows: " in first.summary()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": True, "relax": "none"}, "--rank needs the energy"),
        ({"relax": "mmf"}, "Did you mean 'mmff'"),
        ({"method": "etkd"}, "Did you mean 'etkdg'"),
        ({"prune": -1.0}, "prune is 0"),
        ({"seed": -1}, "the seed"),
        ({"energy_method": "gfn2"}, "belongs to a run"),
    ],
)
def test_wrong_options_are_refused(table: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        made(table, "out.parquet", **options)
    with pytest.raises(UsageError, match="number of conformers"):
        generate(table, table.parent / "out.parquet", number=0)


def test_relaxing_on_gfn2_lowers_its_energy(tmp_path: Path) -> None:
    pytest.importorskip("tblite")
    path = tmp_path / "few.smi"
    path.write_text("CCO\n[O-]C=O\n")
    report = generate(
        path, tmp_path / "gfn2.parquet", number=2, relax="gfn2", rank=True, workers=0, show_progress=False
    )
    assert report.relaxations == {"converged": 4}
    rows = pl.read_parquet(tmp_path / "gfn2.parquet")
    generate(path, tmp_path / "mmff.parquet", number=2, workers=0, show_progress=False)
    engine = engine_of("gfn2")
    for name, sign in (("gfn2", 0), ("mmff", 1)):
        for row in pl.read_parquet(tmp_path / f"{name}.parquet").iter_rows(named=True):
            energy = engine.compute(np.array(row["z"]), np.array(row["pos"]).reshape(-1, 3), row["charge"], 1).energy
            lowest = rows.filter(pl.col("row") == row["row"])["energy"].max()
            assert energy >= lowest - 0.02 if sign else energy == pytest.approx(row["energy"], abs=1e-6)


def test_relaxing_on_a_run(tmp_path: Path, several_methods: object) -> None:
    """The run knows H, C, N and O in neutral molecules; others keep their geometry, with the reason."""
    path = tmp_path / "few.smi"
    path.write_text("CO\nCF\n")
    options = {"number": 2, "relax": several_methods.run.folder, "workers": 0, "show_progress": False}  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="several methods"):
        generate(path, tmp_path / "run.parquet", **options)  # type: ignore[arg-type]
    report = generate(path, tmp_path / "run.parquet", energy_method="gfn1", rank=True, **options)  # type: ignore[arg-type]
    rows = pl.read_parquet(tmp_path / "run.parquet")
    assert report.conformers == 4
    assert rows.filter(pl.col("row") == 1)["energy"].null_count() == 0
    assert set(rows.filter(pl.col("row") == 2)["relaxation"]) != {"converged"}
    assert report.facts["relaxed by"] == "gfn1"


def test_neither_conformers_nor_labels_start_torch_before_they_need_it() -> None:
    code = "import sys, hooke.workflows.conformer_generation, hooke.workflows.label; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
