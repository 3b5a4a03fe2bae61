"""The report of a run: one page that holds the run's numbers."""

from __future__ import annotations

from pathlib import Path

from hooke.core.recipe import Recipe
from hooke.report.schema import Report
from hooke.studies.run_report import write_run_report
from hooke.train.fit import fit


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


def test_report_without_held_out_molecules(recipe: Recipe, tmp_path: Path) -> None:
    run = fit(recipe.with_changes(split={"fractions": (0.8, 0.2, 0.0)}), runs=tmp_path, show_progress=False)
    write_run_report(run, show_progress=False)
    report = Report.read(run.path("report.json"))
    assert "nothing is claimed" in report.summary.verdict
    assert report.results[0].part == "valid"
