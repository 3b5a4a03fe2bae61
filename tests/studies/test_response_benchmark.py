"""Tasks of responses: resume, table, page and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import UnknownNameError, UsageError
from hooke.report.schema import Report
from hooke.studies import response_benchmark
from hooke.studies.response_benchmark import ResponseBenchmark, ResponseResult, run_responses, write_page
from hooke.studies.response_tasks import Measured, ModelScore, folds_of, mean_scores, pooled_scores
from hooke.suites import ResponseSuite, ResponseTask, suite

SUITE = ResponseSuite(
    "small", "Small", tuple(ResponseTask(name, "horlbeck", "made", ("global_mean",)) for name in ("one", "two"))
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    made: list[str] = []

    def measure(task: ResponseTask, show_progress: bool) -> Iterator[Measured]:
        made.append(task.name)
        if made == ["one", "two"]:
            raise KeyboardInterrupt
        for split in ("first", "second"):
            scores = (ModelScore("global_mean", 0.2, 0.1, 0.3), ModelScore("other", 0.5, 0.4, 0.6, 0.3, 0.2, 0.4, 1, 2))
            yield Measured(
                task.name, split, "r", "genes", 12, "global_mean", scores, "the graph helps", {"ceiling": 0.9}
            )

    monkeypatch.setattr(response_benchmark, "protocol", lambda name: measure)
    return made


def test_a_killed_benchmark_goes_on(calls: list[str], tmp_path: Path) -> None:
    benchmark = ResponseBenchmark(SUITE, (), tmp_path / "runs")
    with pytest.raises(KeyboardInterrupt):
        run_responses(benchmark, show_progress=False)
    assert [each.task for each in benchmark.measured()] == ["one", "one"]
    found = run_responses(benchmark, show_progress=False)
    assert calls == ["one", "two", "two"]
    assert [(each.task, each.split) for each in found] == [
        (task, split) for task in ("one", "two") for split in ("first", "second")
    ]
    assert run_responses(benchmark, show_progress=False) == found
    assert calls == ["one", "two", "two"]
    some = ResponseBenchmark(SUITE, ("two",), tmp_path / "runs")
    assert some.file == benchmark.file
    assert [each.task for each in some.measured()] == ["two", "two"]
    with pytest.raises(UnknownNameError, match="task of small"):
        run_responses(ResponseBenchmark(SUITE, ("too",), tmp_path))


def test_table_and_page(calls: list[str], tmp_path: Path) -> None:
    benchmark = ResponseBenchmark(SUITE, ("one",), tmp_path)
    result = ResponseResult(benchmark, tuple(run_responses(benchmark, show_progress=False)))
    heads, rows = result.table()
    assert len(rows) == 4
    assert dict(zip(heads, rows[1], strict=True))["gain over the baseline"] == "0.300 [0.200, 0.400]"
    assert result.verdicts()[0] == "one, first: the graph helps. ceiling 0.900"
    report = Report.read(write_page(result, command="hooke benchmark small").with_suffix(".report.json"))
    assert [len(table.tasks) for table in report.results] == [1, 1]
    assert len(report.differences) == 2


def test_scores_over_conditions_and_over_cells() -> None:
    generator = np.random.default_rng(0)
    base, other = generator.normal(size=50), generator.normal(size=50) + 0.5
    base[3] = np.nan
    plain, better = mean_scores({"base": base, "other": other}, "base", {"other": 4})
    assert (plain.undefined, better.undefined, better.fallbacks) == (1, 0, 4)
    assert plain.score == pytest.approx(np.nanmean(base))
    assert better.gain == pytest.approx(np.nanmean(other - base))
    true = generator.normal(size=50)
    [first, second] = pooled_scores(
        {"base": np.zeros(50), "other": true + 0.1}, true, np.arange(50) // 5, "rmse", "base"
    )
    assert (first.score, second.score) == pytest.approx((np.sqrt(np.mean(true**2)), 0.1))
    assert second.gain_high is not None
    assert second.gain_high < 0
    folds = folds_of(13)
    assert sorted(np.concatenate(folds).tolist()) == list(range(13))


def test_networks_are_asked_of_tasks_that_have_them(tmp_path: Path) -> None:
    benchmark = ResponseBenchmark(suite("responses"), ("horlbeck",), tmp_path, ("txpert",))
    assert [task.networks for task in benchmark.chosen] == [("txpert",)]
    assert benchmark.file != ResponseBenchmark(suite("responses"), ("horlbeck",), tmp_path).file
    with pytest.raises(UsageError, match=r"horlbeck, l1000_overexpression\), not on gdsc"):
        _ = ResponseBenchmark(suite("responses"), ("gdsc", "horlbeck"), tmp_path, ("txpert",)).chosen
