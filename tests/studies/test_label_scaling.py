"""Errors against rows of own labels: sizes that fall, the comparison on other labels, resume, what is drawn, and the page."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from hooke.core.errors import HookeError
from hooke.studies import label_scaling
from hooke.studies.label_scaling import (
    SYSTEMS,
    LabelScaling,
    LabelScalingResult,
    Transfer,
    draw_molecules,
    other_frames,
    run_label_scaling,
)
from hooke.suites.qm1b_scaling import SUITE

SMILES = (
    "C",
    "O",
    "N",
    "CO",
    "CC",
    "CN",
    "C=O",
    "C#N",
    "NO",
    "OO",
    "CCO",
    "CCC",
    "COC",
    "CC=O",
    "CC#N",
    "C1CO1",
    "CCCO",
    "CNC",
    "N=C",
    "C=C",
)
SMALL = replace(SUITE, shares=(0.25, 0.5, 1.0))


def labelled(path: Path, shift: float) -> Path:
    """Embedded molecules whose "gap" grows with their atoms, in the schema of QM1B."""
    rows = []
    for place, smiles in enumerate(SMILES):
        molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
        rdDistGeom.EmbedMolecule(molecule, randomSeed=7)
        positions = np.asarray(molecule.GetConformer().GetPositions()) / 0.529177210903
        gap = shift + 0.1 * molecule.GetNumAtoms() + 0.01 * (place % 3)
        numbers = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
        rows.append({"smile": smiles, "z": numbers, "pos": positions.ravel().tolist(), "y": gap, "energy": -1.0})
    pl.DataFrame(rows).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def scaling(tmp_path_factory: pytest.TempPathFactory) -> LabelScaling:
    folder = tmp_path_factory.mktemp("labels")
    own, other = labelled(folder / "own.parquet", 5.0), labelled(folder / "other.parquet", 4.0)
    changes = (
        "model.preset=tiny",
        "train.max_steps=4",
        "train.batch_size=8",
        "data.split.fractions=[0.6, 0.2, 0.2]",
        "train.accelerator=cpu",
    )
    return LabelScaling(SMALL, own, other, changes, 2, folder / "runs")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("label-cache")


@pytest.fixture(scope="module")
def result(scaling: LabelScaling, cache: Path) -> LabelScalingResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOKE_CACHE", str(cache))
        usual, calls = label_scaling._transferred, []

        def stopping(*given: object) -> Transfer:
            calls.append(given)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return usual(*given)  # type: ignore[arg-type]

        patch.setattr(label_scaling, "_transferred", stopping)
        with pytest.raises(KeyboardInterrupt):
            run_label_scaling(scaling, show_progress=False)
        assert [(each.system, each.seed) for each in scaling.transfers()] == [(system, 0) for system in SYSTEMS]
        patch.setattr(label_scaling, "_transferred", usual)
        return run_label_scaling(scaling, show_progress=False)


def test_sizes_are_shares_of_the_training_molecules(result: LabelScalingResult) -> None:
    assert list(result.curve) == [3, 6, 12]
    assert all(sorted(seeds) == [0, 1] for seeds in result.curve.values())
    assert result.law is None
    assert "fewer than 5" in result.notes()[0]


def test_both_systems_learn_from_the_same_rows_of_the_other_labels(result: LabelScalingResult) -> None:
    assert {(each.system, each.seed): each.rows for each in result.transfers} == {
        (system, seed): 12 for system in SYSTEMS for seed in (0, 1)
    }
    tuned, scratch = (result.transfer(system) for system in SYSTEMS)
    assert result.gain.value == pytest.approx(np.mean([tuned[seed] - scratch[seed] for seed in (0, 1)]))
    heads, lines = result.table()
    assert len(heads) == 4
    assert [line[0] for line in lines] == ["b3lyp/sto-3g"] * 3 + ["pcqm4mv2, fine-tuned", "pcqm4mv2, scratch"]
    assert "fine-tuned less scratch" in result.notes()[1]


def test_page_and_json(result: LabelScalingResult) -> None:
    text = result.write_report(command="hooke scale qm1b_scaling").read_text()
    assert SUITE.title in text
    said = result.to_json()
    assert [point["rows"] for point in said["curve"]] == [3, 6, 12]
    assert said["exponent"] is None
    assert set(said["transfer"]) == set(SYSTEMS)


def test_verdicts_follow_the_intervals(scaling: LabelScaling, monkeypatch: pytest.MonkeyPatch) -> None:
    made = {rows: {seed: rows**-0.3 * (1 + 0.01 * seed) for seed in range(3)} for rows in (10, 20, 40, 80, 160)}
    monkeypatch.setattr(LabelScalingResult, "curve", made)
    moved = [Transfer("fine-tuned", seed, 0.1 + 0.001 * seed, 9) for seed in range(3)]
    moved += [Transfer("scratch", seed, 0.2, 9) for seed in range(3)]
    first, second = LabelScalingResult(scaling, (), tuple(moved)).notes()
    assert first.startswith("the error falls with rows: exponent 0.300")
    assert second.startswith("fine-tuned less scratch: -99")
    assert second.endswith("fine-tuning helps")
    flat = {rows: {seed: 1.0 + 0.05 * ((seed + rows) % 3) for seed in range(3)} for rows in made}
    monkeypatch.setattr(LabelScalingResult, "curve", flat)
    nothing = LabelScalingResult(scaling, (), ())
    assert nothing.notes()[0].startswith("the error is not shown to fall")
    assert math.isnan(nothing.gain.value)


@pytest.mark.mirror
def test_molecules_and_geometries_of_the_suite(tmp_path: Path) -> None:
    path = draw_molecules(SUITE, tmp_path / "molecules.csv", show_progress=False)
    drawn = pl.read_csv(path)["smiles"].to_list()
    assert len(set(drawn)) == SUITE.count
    assert {Chem.MolFromSmiles(each).GetNumHeavyAtoms() for each in drawn} == {7, 8}
    with pytest.raises(HookeError, match="not 99,999"):
        draw_molecules(replace(SUITE, count=99_999), tmp_path / "more.csv", show_progress=False)
    frames = pl.read_parquet(other_frames(SUITE, tmp_path / "other.parquet", show_progress=False))
    assert len(frames) == 1999
    assert float(frames["y"].mean()) == pytest.approx(5.2, abs=0.1)  # type: ignore[arg-type]
