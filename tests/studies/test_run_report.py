"""The report of a run: one page that holds the run's numbers."""

from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hooke.atoms.spec import AtomsSpec
from hooke.core.label import Label
from hooke.core.recipe import Recipe, load_recipe
from hooke.core.runs import RunFolder
from hooke.images.store import ImageStore
from hooke.report.schema import Report
from hooke.studies import run_report
from hooke.studies.run_report import citations_of, data_section, write_run_report
from hooke.train.fit import fit

SMALL = ["train.threads=1", "train.accelerator=cpu", "train.epochs=1"]


def test_report_of_a_run(recipe: Recipe, tmp_path: Path) -> None:
    run = fit(recipe, runs=tmp_path, show_progress=False)
    page = write_run_report(run, show_progress=False)
    report = Report.read(run.path("report.json"))
    assert page == run.path("report.html")
    assert [score.model for score in report.results[0].tasks[0].scores] == [
        "gine (2 members)",
        "mean",
        "ridge",
        "forest",
    ]
    assert len(report.parity) == len(report.binary) == 1
    assert len(report.galleries) == 4
    assert len(report.differences) == 6
    assert report.data[0].rows_read == 120
    assert "hooke predict" in report.reproduce.commands[-1].text
    text = page.read_text()
    assert 'src="http' not in text
    assert text.count("<h1") == 1
    [sets] = report.sets  # of the binary label; the other has intervals
    assert (sets.task, sets.wanted, sets.classes) == ("lipophilic", 0.9, 2)
    assert sets.reached.low is not None
    assert sets.reached.value is not None
    assert sets.reached.low <= sets.reached.value <= 1
    assert "Conformal sets of classes" in text


def test_report_without_held_out_molecules(recipe: Recipe, tmp_path: Path) -> None:
    run = fit(recipe.with_changes(split={"fractions": (0.8, 0.2, 0.0)}), runs=tmp_path, show_progress=False)
    write_run_report(run, show_progress=False)
    report = Report.read(run.path("report.json"))
    assert "nothing is claimed" in report.summary.verdict
    assert report.results[0].part == "valid"


def test_reconstruction(image_run: Path, screen: ImageStore) -> None:
    run = RunFolder(image_run)
    page = write_run_report(run, show_progress=False)
    report = Report.read(image_run / "report.json")
    assert "predicting the mean of each plane gives 1.00" in report.summary.verdict
    assert "simulated" in report.summary.caveats[0]
    assert [picture.title for picture in report.pictures] == ["Reconstructions"]
    assert "Reconstructions" in page.read_text()
    assert "hooke embed" in report.reproduce.commands[-1].text
    data = data_section(run, screen)
    assert data.rows_kept == len(screen)
    assert "simulated" in data.notes[0]
    assert "ca_mae" in citations_of(run)


def test_classes_of_images(screen: ImageStore, tmp_path: Path) -> None:
    recipe = load_recipe("tiny_wsl", [*SMALL, "train.ensemble=2", "data.split.fractions=[0.4,0.3,0.3]"])
    run = fit(recipe, runs=tmp_path, store=screen, show_progress=False)
    page = write_run_report(run, show_progress=False)
    report = Report.read(run.path("report.json"))
    assert "chance gives 14.3%" in report.summary.verdict
    assert "simulated" in report.summary.caveats[0]
    [table] = report.results
    assert table.models == ("densenet (2 members)", "mean", "nearest", "forest", "random weights")
    assert table.baselines == table.models[1:]
    assert (table.tasks[0].task, table.tasks[0].level, table.tasks[0].metric) == ("perturbation", "well", "accuracy")
    assert len(report.differences) == 4
    assert {found.paired_over for found in report.differences} == {"test wells"}
    [reliability] = report.reliability
    wells = sum(reliability.count)
    [sets] = report.sets
    assert (sets.classes, sets.count, sets.wanted) == (7, wells, 0.9)
    assert 0 <= sets.empty <= 1
    assert 0 <= sets.mean_size <= 7
    assert [colouring.name for colouring in report.maps[0].colourings] == ["perturbation", "part"]
    [picture] = report.pictures
    assert base64.b64decode(picture.png).startswith(b"\x89PNG")
    assert picture.title == "Worst and best wells"
    assert picture.note.count("%)") == 2 * min(4, wells // 2)
    assert report.parity == report.coverage == report.binary == report.galleries == ()
    assert "hooke predict" in report.reproduce.commands[-1].text
    text = page.read_text()
    for shown in ("Conformal sets of classes", "What the encoder sees", "on wells that it was not trained on"):
        assert shown in text
    assert "molecule" not in text.partition('<script type="application/json"')[0].partition("<body")[2]


def test_classes_of_images_without_held_out_wells(screen: ImageStore, tmp_path: Path) -> None:
    recipe = load_recipe("tiny_wsl", [*SMALL, "data.split.fractions=[1.0, 0.0, 0.0]"])
    whole = fit(recipe, runs=tmp_path, store=screen, show_progress=False)
    write_run_report(whole, show_progress=False)
    report = Report.read(whole.folder / "report.json")
    assert "Nothing was held out" in report.summary.verdict
    assert report.results == ()
    assert report.pictures == report.sets == ()


def test_an_estimator_of_images(screen: ImageStore, tmp_path: Path) -> None:
    recipe = load_recipe("tiny_wsl", ["model.name=forest", "data.split.fractions=[0.4,0.3,0.3]"])
    run = fit(recipe, runs=tmp_path, store=screen, show_progress=False)
    write_run_report(run, show_progress=False)
    report = Report.read(run.path("report.json"))
    assert report.results[0].models == ("forest", "mean", "nearest")
    assert report.maps == report.training == ()
    assert len(report.pictures) == len(report.sets) == 1


def test_labels_of_several_numbers_stand_in_no_table_beside_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = AtomsSpec((Label("gap", "frame"), Label("forces", "atom", width=3)))
    monkeypatch.setattr(run_report, "modality_of", lambda run: SimpleNamespace(read_spec=lambda run: spec))
    scores = {
        "valid": {
            "frame": {"gap": {"rmse": 2.0, "mae": 1.0, "r2": 0.75}},
            "atom": {"forces": {"rmse": 2.0, "mae": 1.0}},
        }
    }
    run: Any = SimpleNamespace(scores=lambda: scores, info={}, recipe={"name": "some"})
    [table] = run_report.pretraining_tables(run)
    assert [task.task for task in table.tasks] == ["gap"]
    assert {score.model: score.estimate.value for score in table.tasks[0].scores} == {"model": 2.0, "mean": 4.0}
