"""`hooke plan`."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

from hooke.studies.plan import Plan


def test_a_plan_of_training_is_that_of_the_dry_run(hooke) -> None:  # type: ignore[no-untyped-def]
    planned = hooke("plan", "fit", "tiny_mae", "--devices", "8", "--channels", "3", "--json")
    assert planned.code == 0, planned.err
    assert planned.out == hooke("fit", "tiny_mae", "--dry-run", "--devices", "8", "--channels", "3", "--json").out
    assert set(json.loads(planned.out)[0]) == {field.name for field in fields(Plan)}
    assert "GPU-hours" in hooke("plan", "fit", "tiny_mae").out
    for wrong in ("10X", "M", "1,2"):
        assert "has the form 10M,100M,1B" in hooke("plan", "fit", "tiny_gine", "--parameters", wrong).err
    assert hooke("plan", "fit", "tiny_ginee").code == 2
    assert not Path("runs").exists()


def test_plans_of_other_verbs_are_asked_of_them(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    for verb, shown in {
        "label": "--method",
        "reconstruct": "--frames",
        "predict": "--smiles",
        "embed": "--smiles",
    }.items():
        assert shown in hooke("plan", verb, "--help").out
    assert "--method is missing" in hooke("plan", "label", table).err
    assert "none.detector.h5" in hooke("plan", "reconstruct", "none.h5").err
    assert hooke("plan", "predict", "LATEST", table).code == 3


def test_a_plan_of_predicting_and_embedding(hooke, table: Path) -> None:  # type: ignore[no-untyped-def]
    small = (
        "model.name=dmpnn",
        "model.width=8",
        "model.depth=1",
        "train.epochs=1",
        "train.ensemble=1",
        "train.threads=1",
    )
    fitted = hooke("fit", table, *small, "--no-report", "--workers", "1", "--name", "solubility")
    assert fitted.code == 0, fitted.err
    assert len(list(Path("runs/solubility").iterdir())) >= 1
    for verb in ("predict", "embed"):
        plan = json.loads(hooke("plan", verb, "LATEST", table, "--json").out)
        assert plan["rows"] == plan["sample"] == 60
        assert plan["parameters"] > 0
        assert plan["hours"] > 0
        assert plan["disk_mb"] > 0
    assert "rows a second" in hooke("plan", "predict", "runs/LATEST", table).out
    assert not list(Path().glob("*.parquet"))


def test_a_table_has_a_budget_and_no_plan(hooke, table) -> None:  # type: ignore[no-untyped-def]
    found = hooke("plan", "fit", table)
    assert found.code == 2
    assert f"on {table} the automatic choice" in found.err
