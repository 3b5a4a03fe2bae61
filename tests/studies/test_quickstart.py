"""The main job at a small size, from pretraining to the page."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hooke.core.recipe import Recipe, load_recipe
from hooke.report.schema import Report
from hooke.studies import quickstart as module
from hooke.studies.quickstart import quickstart


def test_the_whole_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(name: str, overrides: list[str] | None = None) -> Recipe:
        extra = ["train.epochs=2", "train.batch_size=256", "model.width=16", "model.depth=2"]
        return load_recipe(name, [*(overrides or []), *extra])

    monkeypatch.setattr(module, "load_recipe", small)
    result = quickstart(tmp_path / "runs", seeds=2, show_progress=False)
    assert "Pretraining, then fine-tuning" in result.verdict
    for command in ("hooke fit assay.csv", "hooke finetune", "hooke predict", "report.html"):
        assert command in result.summary()
    report = Report.read(result.folder / "report.json")
    assert [curves.title for curves in report.training] == ["Pretraining", "Fine-tuning", "From scratch"]
    assert {table.tasks[0].level for table in report.results} == {"graph", "node", "edge"}
    assert [entry.second for entry in report.differences] == ["from scratch", "mean", "ridge", "forest"]
    predictions = pl.read_parquet(result.predictions)
    assert len(predictions) >= 5
    assert (predictions["hydration_free_energy_lower"] < predictions["hydration_free_energy_upper"]).all()
    assert len(pl.read_parquet(result.embeddings)) == len(predictions)
    assert set(result.scores) == {"fine-tuned", "from scratch", "mean", "ridge", "forest"}
    assert len(report.predictions[0].rows) == len(predictions)
    before = sorted(path.name for path in (tmp_path / "runs").glob("*/*"))
    quickstart(tmp_path / "runs", seeds=2, show_progress=False)
    assert sorted(path.name for path in (tmp_path / "runs").glob("*/*")) == before  # nothing is trained twice
