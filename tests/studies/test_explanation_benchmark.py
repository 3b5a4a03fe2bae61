"""Tasks of explanations: resume, table, page and refusals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hooke.core.errors import UnknownNameError
from hooke.evaluate.bootstrap import Interval
from hooke.evaluate.faithfulness import UNDEFINED, Faithfulness
from hooke.report.schema import Report
from hooke.studies import explanation_benchmark
from hooke.studies.explanation_benchmark import ExplanationBenchmark, ExplanationResult, run_explanations, write_page
from hooke.studies.explanation_tasks import Explained
from hooke.suites import ExplanationSuite, ExplanationTask

SUITE = ExplanationSuite("small", "Small", tuple(ExplanationTask(name, "horlbeck", "made") for name in ("one", "two")))
CLEAR = Faithfulness(Interval(0.5, 0.4, 0.6), Interval(0.1, 0.0, 0.2), Interval(0.4, 0.3, 0.5), 12)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []

    def measure(task: ExplanationTask, relations: Sequence[str], own: bool, show_progress: bool) -> Iterator[Explained]:
        made.append(task.name)
        if made == ["one", "two"]:
            raise KeyboardInterrupt
        yield Explained.of(task.name, "clear", "spearman", CLEAR, "genes", "permuted")
        yield Explained.of(task.name, "nothing", "auroc", UNDEFINED, "edges")

    monkeypatch.setattr(explanation_benchmark, "protocol", lambda name: measure)
    return made


def test_a_killed_benchmark_goes_on(calls: list[str], tmp_path: Path) -> None:
    benchmark = ExplanationBenchmark(SUITE, runs=tmp_path / "runs")
    with pytest.raises(KeyboardInterrupt):
        run_explanations(benchmark, show_progress=False)
    assert [*benchmark.measured()] == ["one"]
    found = run_explanations(benchmark, show_progress=False)
    assert calls == ["one", "two", "two"]
    assert [(each.task, each.measure) for each in found] == [
        (task, name) for task in ("one", "two") for name in ("clear", "nothing")
    ]
    assert calls == ["one", "two", "two"]
    assert ExplanationBenchmark(SUITE, relations=("CORUM",), runs=tmp_path / "runs").file != benchmark.file
    with pytest.raises(UnknownNameError, match="task of small"):
        run_explanations(ExplanationBenchmark(SUITE, ("too",), runs=tmp_path))


def test_table_and_page(calls: list[str], tmp_path: Path) -> None:
    benchmark = ExplanationBenchmark(SUITE, ("one",), runs=tmp_path)
    result = ExplanationResult(benchmark, tuple(run_explanations(benchmark, show_progress=False)))
    heads, rows = result.table()
    first, second = (dict(zip(heads, row, strict=True)) for row in rows)
    assert (first["gain"], first["verdict"], first["count"]) == ("0.400 [0.300, 0.500]", "above its null", "12 genes")
    assert second["verdict"] == "not defined here"
    report = Report.read(write_page(result, command="hooke benchmark small").with_suffix(".report.json"))
    assert report.summary.verdict == "1 of 2 measures are above their null."
    assert len(report.results) == len(report.differences) == 2
    assert report.differences[0].outcome == "better"
