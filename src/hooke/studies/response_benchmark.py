"""`hooke benchmark responses`: models of responses beside baselines and changed graphs, task by task; resumable, one page.

Every split of a task is one line of a JSON-lines file, written when all models are measured on it; a killed benchmark measures what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.files import append_lines, latest_entries
from hooke.core.hashing import content_hash
from hooke.core.json_text import json_text
from hooke.core.label import Label
from hooke.core.progress import progress
from hooke.evaluate.bootstrap import Interval
from hooke.report import build
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.schema import Report, Reproduce, Summary, Text
from hooke.studies.response_tasks import LOWER_IS_BETTER, Measured, ModelScore, number, protocol
from hooke.suites import ResponseSuite, ResponseTask
from hooke.version import __version__

WITH_NETWORKS = ("gene_pairs", "unseen_gene")  # protocols
METRICS = {"r": "pearson", "pearson": "pearson", "rmse": "rmse"}


@dataclass(frozen=True)
class ResponseBenchmark:
    """A suite with what it is run with.

    Attributes:
        suite: Its tasks.
        tasks: Some of them, all by default.
        runs: Folder of scores and page.
        networks: Recipes of networks that are measured as well.
    """

    suite: ResponseSuite
    tasks: tuple[str, ...] = ()
    runs: Path = Path("runs")
    networks: tuple[str, ...] = ()

    @property
    def chosen(self) -> list[ResponseTask]:
        """The tasks, in the order of the suite.

        Raises:
            UnknownNameError: One that the suite does not have.
            UsageError: Networks are asked for on a task that has none.
        """
        known = {task.name: task for task in self.suite.tasks}
        for name in self.tasks:
            if name not in known:
                raise UnknownNameError(f"task of {self.suite.name}", name, known)
        chosen = [task for name, task in known.items() if not self.tasks or name in self.tasks]
        if not self.networks:
            return chosen
        without = [task.name for task in chosen if task.protocol not in WITH_NETWORKS]
        if without:
            able = ", ".join(name for name, task in known.items() if task.protocol in WITH_NETWORKS)
            raise UsageError(f"networks are measured on genes that were not seen ({able}), not on {', '.join(without)}")
        return [replace(task, networks=self.networks) for task in chosen]

    @property
    def file(self) -> Path:
        """Where scores are kept: another file for other tasks or another version."""
        content = [__version__, self.suite, *([self.networks] if self.networks else [])]
        return Path(self.runs) / f"{self.suite.name}-{content_hash(content)[:8]}.jsonl"

    def measured(self) -> list[Measured]:
        """What has been measured of the chosen tasks, in their order."""
        entries = latest_entries(self.file, ("task", "split"))
        return [
            Measured.from_json(entry["measured"])
            for task in self.chosen for (name, _), entry in entries.items() if name == task.name
        ]  # fmt: skip

    def finished(self) -> set[str]:
        """Tasks whose last split is there."""
        entries = latest_entries(self.file, ("task", "split"))
        return {task for (task, _), entry in entries.items() if entry["last"]}


def run_responses(benchmark: ResponseBenchmark, *, show_progress: bool = True) -> list[Measured]:
    """Measure what is missing, task by task.

    Raises:
        UnknownNameError: A task that the suite does not have.
        KeyboardInterrupt: The same command goes on from there.
    """
    missing = [task for task in benchmark.chosen if task.name not in benchmark.finished()]
    with progress(len(missing), benchmark.suite.name, "tasks", show=show_progress) as bar:
        for task in missing:
            found = list(protocol(task.protocol)(task, show_progress))
            lines = [
                {"task": each.task, "split": each.split, "last": each is found[-1], "measured": each.to_json()}
                for each in found
            ]
            append_lines(benchmark.file, map(json_text, lines))
            bar.advance(1)
    return benchmark.measured()


@dataclass(frozen=True)
class ResponseResult:
    """What a benchmark holds."""

    benchmark: ResponseBenchmark
    measured: tuple[Measured, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {"suite": self.benchmark.suite.name, "measured": [each.to_json() for each in self.measured]}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """One line a model and split: score and gain with their intervals, rows without a score, rows by fallback."""
        heads = ["task", "split", "metric", "model", "score", "gain over the baseline", "undefined", "fallbacks"]
        rows = []
        for each in self.measured:
            for score in each.scores:
                gain = (
                    "baseline" if score.model == each.baseline else _text(score.gain, score.gain_low, score.gain_high)
                )
                shown = _text(score.score, score.low, score.high)
                rows.append(
                    [
                        each.task,
                        each.split,
                        each.metric,
                        score.model,
                        shown,
                        gain,
                        str(score.undefined),
                        str(score.fallbacks),
                    ]
                )
        return heads, rows

    def verdicts(self) -> list[str]:
        """One line a split, with the facts of the data."""
        return [
            ". ".join([f"{each.task}, {each.split}: {each.verdict}", *(f"{name} {value:.3f}" for name, value in each.references.items())])
            for each in self.measured
        ]  # fmt: skip


def write_page(result: ResponseResult, *, command: str = "") -> Path:
    """`FILE.report.json` and `FILE.html` beside the scores; returns the page."""
    benchmark, tables, differences = result.benchmark, [], []
    for each in result.measured:
        higher = each.metric not in LOWER_IS_BETTER
        label = Label(each.split)
        tables.append(
            build.result_table(
                f"{each.task}: {each.split}", [label], METRICS[each.metric], {score.model: [_interval(score)] for score in each.scores},
                higher_is_better=higher, split=each.split, baselines=[each.baseline], intervals=f"95 % bootstrap over {each.over}",
                counts=[each.count],
            )
        )  # fmt: skip
        differences += [
            build.difference(
                score.model, each.baseline, f"{each.task}, {each.split}", METRICS[each.metric],
                Interval(number(score.gain), number(score.gain_low), number(score.gain_high)), higher_is_better=higher,
                pairs=each.count, paired_over=each.over,
            )
            for score in each.scores if score.gain is not None
        ]  # fmt: skip
    helps = sum("the graph helps" in each.verdict for each in result.measured)
    report = Report(
        title=benchmark.suite.title,
        subtitle=f"suite {benchmark.suite.name}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=Summary(
            _verdict(result.measured),
            "none",
            (KeyNumber(f"{helps} of {len(result.measured)}", "splits on which the graph helps"),),
            tuple(result.verdicts()),
        ),
        results=tuple(tables),
        differences=tuple(differences),
        items="conditions",
        reproduce=Reproduce(commands=(Text("Command", command),) if command else ()),
    )
    source = report.write(benchmark.file.with_suffix(".report.json"))
    return write_report(source, benchmark.file.with_suffix(".html"))


def _verdict(measured: Sequence[Measured]) -> str:
    return (
        " ".join(f"{each.task}, {each.split}: {each.verdict}." for each in measured[:2]) or "Nothing was measured yet."
    )


def _interval(score: ModelScore) -> Interval:
    return Interval(number(score.score), number(score.low), number(score.high))


def _text(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" + ("" if low is None or high is None else f" [{low:.3f}, {high:.3f}]")
