"""Scores of a suite as a table and a page."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hooke.studies.evaluation import CLIFF, SuiteRow
from hooke.studies.suite_report import SuiteResult, write_suite_report
from hooke.suites import Suite, SuiteTask

TASKS = (
    SuiteTask("a", "csv", {}, "rmse"), SuiteTask("b", "csv", {}, "roc_auc", pretraining=("esol",)), SuiteTask("c", "csv", {}, "rmse"),
)  # fmt: skip
SCORES = {
    "a": {"forest": 0.5, "scratch": 0.6, "finetuned": 0.4},
    "b": {"forest": 0.9, "scratch": 0.7, "finetuned": 0.8},
}


@pytest.fixture
def result() -> SuiteResult:
    rows = [
        SuiteRow(task, seed, system, "rmse" if task == "a" else "roc_auc", value + seed / 100, 50)
        for task, scores in SCORES.items()
        for system, value in scores.items()
        for seed in range(2)
    ]
    rows += [SuiteRow("a", 0, "forest", CLIFF, 0.7, 9), SuiteRow("c", 0, "forest", "rmse", 1.0, 9)]
    return SuiteResult(Suite("s", "A suite", TASKS, cliffs=True), tuple(rows))


def test_ranks_follow_the_direction_of_each_metric(result: SuiteResult) -> None:
    ranks = result.ranks()  # task c has one system only, and the cliff error is no task
    assert {name: found.value for name, found in ranks.items()} == {"forest": 1.5, "scratch": 3.0, "finetuned": 1.5}
    assert {name: found.value for name, found in result.ranks(result.new_tasks()).items()}["finetuned"] == 1
    assert result.wins("finetuned", "scratch") == (2, 2)
    assert result.wins("finetuned", "scratch", result.new_tasks()) == (1, 1)
    assert replace(result, pretrained_on=("tox21",)).new_tasks() == ["a", "b", "c"]  # it never saw the assay of b
    assert replace(result, pretrained_on=("esol",)).new_tasks() == result.new_tasks() == ["a", "c"]
    assert result.wins("scratch", "forest") == (0, 2)


def test_table_and_json(result: SuiteResult) -> None:
    text = result.table()
    assert "0.50500 ± 0.00707" in text
    assert "mean rank" in text
    assert "rmse_cliff" in text
    said = json.loads(json.dumps(result.to_json()))
    assert len(said["rows"]) == 14
    assert set(said["ranks"]["all tasks"]) == {"forest", "scratch", "finetuned"}


def test_the_page(result: SuiteResult, tmp_path: Path) -> None:
    page = write_suite_report(result, tmp_path / "suite")
    text = page.read_text()
    assert "A suite" in text
    assert "finetuned beats training from scratch on 2 of 2 tasks" in text
    assert (tmp_path / "suite.json").exists()


def test_nothing_in_common_is_not_ranked() -> None:
    rows = (SuiteRow("a", 0, "forest", "rmse", 1.0, 5), SuiteRow("c", 0, "ridge", "rmse", 1.0, 5))
    result = SuiteResult(Suite("s", "S", TASKS), rows)
    assert result.ranks() == {}
    assert "-" in result.table()
