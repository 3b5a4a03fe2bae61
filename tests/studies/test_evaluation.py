"""Suites of small tasks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import Recipe, load_recipe
from hooke.datasets import shelfmix
from hooke.molecules.tables.twins import write_twin_table
from hooke.studies import evaluation
from hooke.studies.evaluation import CLIFF, run_suite
from hooke.suites import Suite, SuiteTask, suite

SMALL = ("model.width=16", "model.depth=1", "train.epochs=1", "train.ensemble=1", "train.threads=1")


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOOKE_PROGRESS", "0")
    return load_recipe("tiny_gine", SMALL)


@pytest.fixture
def small(tmp_path: Path) -> Suite:
    table = _with_parts(write_twin_table(tmp_path / "assay.csv", seed=0, rows=120))
    tasks = [("values", "log_p", "rmse"), ("classes", "lipophilic", "roc_auc")]
    made = (
        SuiteTask(name, "csv", {"path": str(table), "targets": (column,), "split_column": "split"}, metric)
        for name, column, metric in tasks
    )
    return Suite("small", "Small", tuple(made))


def test_the_suites() -> None:
    names = ["admet", "moleculeace", "moleculenet", "tdc_admet"]
    assert {*names} <= {*registry.names("suites")}
    assert [suite(name).size for name in names] == [33, 15, 11, 22]
    assert suite("moleculeace").cliffs
    assert {task.pretraining for task in suite("moleculeace").tasks} == {("chembl",)}
    named = {table for name in names for task in suite(name).tasks for table in task.pretraining}
    assert named <= set(shelfmix.MEMBERS)
    assert set(shelfmix.PERMISSIVE) <= set(shelfmix.MEMBERS)
    with pytest.raises(UnknownNameError, match="Did you mean 'admet'"):
        suite("admets")


def test_scores_come_as_they_are_made_and_are_kept(small: Suite, recipe: Recipe, tmp_path: Path) -> None:
    rows, path = run_suite(
        small, recipe, systems=("mean", "ridge"), seeds=2, runs=tmp_path / "runs", show_progress=False
    )
    assert len(rows) == 2 * 2 * 2
    ridge = {row.task: row.value for row in rows if row.system == "ridge" and row.seed == 0}
    mean = {row.task: row.value for row in rows if row.system == "mean" and row.seed == 0}
    assert ridge["values"] < mean["values"]
    assert ridge["classes"] > mean["classes"] == 0.5
    tested = {row.molecules for row in rows if row.task == "values"}
    assert len(tested) == 1  # the test rows never move
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:5]) + "\n" + lines[5][:20])  # killed in the middle of a line
    again, _ = run_suite(small, recipe, systems=("mean", "ridge"), seeds=2, runs=tmp_path / "runs", show_progress=False)
    assert sorted(map(repr, again)) == sorted(map(repr, rows))
    some, _ = run_suite(
        small, recipe, systems=("mean",), tasks=("values",), seeds=1, runs=tmp_path / "runs", show_progress=False
    )
    assert [(row.task, row.seed, row.system) for row in some] == [("values", 0, "mean")]
    with open(path, "a") as file:
        file.write(json.dumps(vars(some[0]) | {"system": "peer"}) + "\n")
    some, _ = run_suite(
        small, recipe, systems=("mean",), tasks=("values",), seeds=1, runs=tmp_path / "runs", show_progress=False
    )
    assert [row.system for row in some] == ["mean", "peer"]


def test_training_from_scratch_is_a_system(small: Suite, recipe: Recipe, tmp_path: Path) -> None:
    rows, _ = run_suite(
        small, recipe, systems=("scratch",), tasks=("values",), seeds=1, runs=tmp_path / "runs", show_progress=False
    )
    assert rows[0].value > 0
    assert "parameters" in rows[0].detail


def test_errors_on_cliffs(small: Suite, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hooke.datasets import csv

    monkeypatch.setattr(csv.Dataset, "cliffs", lambda self, *_: [row % 2 == 0 for row in range(120)], raising=False)
    rows, _ = run_suite(
        replace(small, cliffs=True),
        recipe,
        systems=("mean",),
        tasks=("values",),
        seeds=1,
        runs=tmp_path,
        show_progress=False,
    )
    assert [row.metric for row in rows] == ["rmse", CLIFF]
    assert 0 < rows[1].molecules < rows[0].molecules


def test_what_cannot_be_run_is_refused_at_once(small: Suite, recipe: Recipe, tmp_path: Path) -> None:
    for options, error, message in (
        ({"systems": ("forests",)}, UnknownNameError, "'forest'"),
        ({"tasks": ("value",)}, UnknownNameError, "'values'"),
        ({"systems": ("probe",)}, UsageError, "needs a pretrained run"),
    ):
        with pytest.raises(error, match=message):
            run_suite(small, recipe, runs=tmp_path, show_progress=False, **options)  # type: ignore[arg-type]


def test_a_pretrained_encoder_takes_its_dropouts_and_refuses_the_rest(
    small: Suite, recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hooke
    from hooke.suites import moleculenet

    monkeypatch.setattr(moleculenet, "SUITE", replace(small, name="moleculenet"))
    table = write_twin_table(tmp_path / "before.csv", seed=1, rows=60)
    start = hooke.fit(
        "tiny_gine", csv=table, targets="log_p", split="random", overrides=SMALL, runs=tmp_path / "runs", report=False,
        show_progress=False,
    )  # fmt: skip

    def score(*overrides: str, systems: tuple[str, ...] = ("finetuned",)) -> hooke.studies.suite_report.SuiteResult:
        return hooke.run_suite(
            "moleculenet", "tiny_gine", overrides=["train.epochs=1", "train.threads=1", *overrides], systems=systems, tasks=("values",),
            seeds=1, pretrained=start.folder, runs=tmp_path / "runs", show_progress=False,
        )  # fmt: skip

    dropping = [score(change).rows[0].value for change in ("seed=0", "model.dropout=0.7")]
    assert dropping[0] != dropping[1]
    for systems in (("finetuned",), ("probe",), ("scratch", "finetuned")):
        with pytest.raises(UsageError, match="model.width = 24 needs another encoder"):
            score("model.width=24", systems=systems)


def test_the_name_of_the_error_on_cliffs() -> None:
    assert evaluation.CLIFF == "rmse_cliff"


def _with_parts(table: Path) -> Path:
    """Every fifth row of a table becomes a test row."""
    first, *rows = table.read_text().splitlines()
    parts = [f"{row},{'test' if number % 5 == 0 else 'train'}" for number, row in enumerate(rows)]
    table.write_text("\n".join([f"{first},split", *parts]) + "\n")
    return table
