"""Training from Python, and what it says of a run."""

from __future__ import annotations

from pathlib import Path

import pytest

import hooke
from hooke.core.errors import UsageError

SMALL = ["model.width=16", "model.depth=2", "train.epochs=1", "train.ensemble=1", "train.threads=1"]


def test_a_fitted_run(tmp_path: Path, table: Path) -> None:
    run = hooke.fit(csv=table, targets=["log_p"], split="scaffold", seed=3, overrides=SMALL, runs=tmp_path, workers=1)
    assert run.report is not None
    assert run.report.exists()
    assert (run.run.recipe["seed"], run.run.recipe["data"]["split"]["kind"]) == (3, "scaffold")
    found = run.to_json()
    assert found["metrics"]["test"]["graph"]["log_p"]["rmse"] > 0
    assert found["ingest"]["rows_read"] == 60
    for text in (f"{found['rows']['train']} train", "test  graph log_p: ", "report  ", "hooke predict"):
        assert text in run.summary()
    assert hooke.describe_run(run.folder)["metrics"] == run.metrics
    tuned = hooke.finetune(
        run.folder, csv=table, targets="lipophilic", overrides=SMALL[2:], runs=tmp_path, report=False, workers=1
    )
    assert list(tuned.metrics["test"]["graph"]) == ["lipophilic"]


def test_an_image_run_says_what_it_is_about(image_run: Path) -> None:
    from hooke.api.training import FittedRun
    from hooke.core.runs import RunFolder

    run = FittedRun(RunFolder(image_run))
    assert run.modality == "images"
    assert "fields in" in run.summary()


def test_which_model_a_table_gets(table: Path) -> None:
    """Without a recipe the automatic choice, unless something about a network, or a model, is asked for."""
    from hooke.api.training import _model_overrides as chosen

    assert chosen(None, [], table, None, None) == ["model.name=auto"]
    assert chosen(None, ["seed=3", "model.folds=3"], table, None, "5m") == ["model.name=auto", "model.budget=300.0"]
    for change in (SMALL[0], "train.epochs=3", "encodings.laplacian=4", "model.name=gine"):
        assert chosen(None, [change], table, None, None) == []
    assert chosen("mine.toml", [], table, None, None) == []
    assert chosen("mine.toml", [], None, "auto", 90) == ["model.name=auto", "model.budget=90.0"]
    assert chosen(None, [], table, "forest", "1h") == [
        "model.name=auto",
        'model.candidates=["forest"]',
        "model.budget=3600.0",
    ]
    assert chosen(None, [], table, "gine", None) == ["model.name=gine", "model.preset=small"]
    with pytest.raises(UsageError, match="a budget belongs to the automatic choice"):
        chosen(None, [], table, "gine", "5m")
    with pytest.raises(UsageError, match="a budget is a time such as 90s, 5m or 1h, got 'soon'"):
        chosen(None, [], table, None, "soon")
    with pytest.raises(UsageError, match="'forst'.*'forest'"):
        hooke.fit(csv=table, model="forst")


def test_nothing_to_train_on_is_refused() -> None:
    with pytest.raises(UsageError, match="name a table of molecules or a recipe"):
        hooke.fit()


def test_several_tables_are_learnt_together(tmp_path: Path, table: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text(table.read_text())
    run = hooke.fit(
        "csv", csv=[table, other], targets=["log_p"], overrides=SMALL, runs=tmp_path, workers=1, report=False
    )
    data = run.run.recipe["data"]
    assert (data["name"], sorted(data["tables"])) == ("mixture", sorted([table.stem, "other"]))
    assert sorted(run.metrics["test"]["graph"]) == sorted([f"{table.stem}/log_p", "other/log_p"])
    assert "table   other: 60 rows read" in run.summary()
