"""What was chosen for a run, as lines and as JSON; the counts add up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import hooke

ROWS = """smiles,y,active,hit,year,note,id,Ki (nM)
CCO.Cl,1.1,1,yes,2001,a,7,10
CCCCCC,-3.8,0,no,2002,b,9,>100000
c1ccccc1,n.t.,1,no,2003,c,12,1000
CC(=O)O,>1.2,,yes,2005,d,1,20
CCN,0.9,1,no,2009,e,2,30
CCCCO,0.1,0,no,2010,f,3,40
CCOCC,-0.1,1,yes,2011,g,4,50
c1ccncc1,0.8,0,yes,2012,h,5,60
CCCl,-1.0,1,no,2013,i,6,70
CC(C)=O,0.9,0,no,2014,j,8,80
CCCCCCO,-1.2,1,yes,2015,k,10,90
Cc1ccccc1,-2.2,0,no,2016,l,11,95
CCC#N,0.3,2,yes,2017,m,13,
nonsense,0.3,1,yes,2017,n,14,5
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("choices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOKE_CACHE", str(folder / "cache"))
        (folder / "t.csv").write_text(ROWS)
        small = ["model.name=ridge"]
        yield hooke.fit(
            csv=folder / "t.csv", overrides=small, runs=folder / "runs", report=False, show_progress=False, workers=0
        )


def test_lines(run: Any) -> None:
    lines = run.summary().splitlines()
    for line in (
        "target  y (regression): 12 measured, 1 censored, 1 unlabelled, 1 unreadable",
        "target  active (binary): 11 measured, 0 censored, 2 unlabelled, 1 unreadable",
        "target  hit (binary): 13 measured, 0 censored, 0 unlabelled",
        "target  Ki (nM) (regression, nM): 12 measured, 1 censored, 1 unlabelled",
        "ignored year: years: they can order a time split",
        "ignored note: text",
        "ignored id: an identifier, by its name",
        'offer   Ki (nM): concentrations in nM over 4.3 decades; to learn and predict the logarithm, add --transform "Ki (nM)=pKi"',
        'salts   1 molecules of several fragments are kept whole (standardise.salts="largest" keeps the largest)',
        "split   random split: optimistic, since near relatives of the test molecules are trained on (10 train, 2 valid, 1 test)",
    ):
        assert line in lines, (line, lines)
    assert any(line.startswith("shared  test and training: test molecules 1, equal structures 0") for line in lines)
    [scores] = [line for line in lines if line.startswith("test  graph y:")]
    assert "too few rows or no spread for r2, pearson, spearman" in scores


def test_json(run: Any) -> None:
    said = json.loads(json.dumps(run.to_json(), default=str))
    choices, ingest = said["choices"], said["ingest"]
    assert [target["name"] for target in choices["targets"]] == ["y", "active", "hit", "Ki (nM)"]
    for target in choices["targets"]:
        assert target["measured"] + target["unlabelled"] == ingest["rows_kept"] == 13
        assert target["censored"] <= target["measured"]
        assert target["unreadable"] <= target["unlabelled"]
    assert sum(target["unreadable"] for target in choices["targets"]) == ingest["label_problems"] == 2
    assert set(choices["ignored_columns"]) == {"year", "note", "id"}
    assert choices["split"]["kind"] == "random"
    assert choices["split"]["meaning"].startswith("optimistic")
    assert sum(choices["split"]["rows"].values()) == 13
    assert choices["split"]["shared"]["equal_structures"] == 0


def test_the_report_says_it_too(run: Any) -> None:
    from hooke.studies.run_report import data_section

    section = data_section(run.run, hooke_store(run))
    assert "optimistic" in section.split
    assert [label.unlabelled for label in section.labels] == [1, 2, 0, 1]
    assert [label.unreadable for label in section.labels] == [1, 1, 0, 0]
    assert dict(section.ignored_columns)["note"] == "text"
    assert any("--transform" in note for note in section.notes)


def test_missing_intervals_are_empty_cells_with_a_reason(run: Any, tmp_path: Path) -> None:
    """Two validation rows say nothing at 90 %: terminal, JSON, report, predictions."""
    from hooke.studies.comparison import compare_with_baselines

    reason = "no intervals at 90%: 2 exact measurements to calibrate on, 9 are needed"
    assert f"y: {reason}" in run.summary().splitlines()
    assert run.to_json()["uncalibrated"]["y"] == reason
    assert f"y: {reason}" in compare_with_baselines({"ridge": run.run}, hooke_store(run), show_progress=False).caveats
    (tmp_path / "new.csv").write_text("smiles\nCCO\nCCN\n")
    report = hooke.predict(run.folder, tmp_path / "new.csv", tmp_path / "out.csv", workers=0, show_progress=False)
    assert f"uncalibrated y {reason}" in report.summary()
    assert report.to_json()["uncalibrated"]["y"] == reason
    found = pl.read_csv(tmp_path / "out.csv", infer_schema=False)
    assert found["y_lower"].null_count() == found["y_upper"].null_count() == 2
    assert not {"inf", "-inf", "nan"} & {str(cell) for row in found.rows() for cell in row}


def hooke_store(run: Any) -> Any:
    from hooke.molecules.store import MoleculeStore

    return MoleculeStore.open(Path(run.run.info["store"]))
