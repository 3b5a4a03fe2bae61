"""The report of an image run."""

from __future__ import annotations

from pathlib import Path

from hooke.studies.image_run_report import write_image_run_report

from hooke.core.recipe import load_recipe
from hooke.core.runs import RunFolder
from hooke.images.store import ImageStore
from hooke.report.schema import Report
from hooke.train.fit import fit

SMALL = ["train.threads=1", "train.accelerator=cpu", "train.epochs=1"]


def test_reconstruction(image_run: Path) -> None:
    page = write_image_run_report(RunFolder(image_run))
    report = Report.read(image_run / "report.json")
    assert "predicting the mean of each plane gives 1.00" in report.summary.verdict
    assert report.pictures
    assert "Reconstructions" in page.read_text()


def test_classes_and_nothing_held_out(screen: ImageStore, tmp_path: Path) -> None:
    run = fit(load_recipe("tiny_wsl", SMALL), runs=tmp_path, store=screen, show_progress=False)
    write_image_run_report(run)
    report = Report.read(run.folder / "report.json")
    assert "chance gives 14.3%" in report.summary.verdict
    assert not report.pictures
    whole = fit(
        load_recipe("tiny_wsl", [*SMALL, "data.split.fractions=[1.0, 0.0, 0.0]"]), runs=tmp_path, store=screen,
        show_progress=False,
    )  # fmt: skip
    write_image_run_report(whole)
    report = Report.read(whole.folder / "report.json")
    assert "Nothing was held out" in report.summary.verdict
    assert report.results == ()
