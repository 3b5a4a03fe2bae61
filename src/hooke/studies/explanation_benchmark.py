"""`hooke benchmark explanations`: how faithful explanations of responses are, each measure beside its null; resumable, one page.

A task is written when all of its measures are there; a killed benchmark measures what is missing. A null result is printed as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hooke.core.errors import UnknownNameError
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
from hooke.report.wording import number
from hooke.studies.explanation_tasks import Explained, protocol
from hooke.suites import ExplanationSuite, ExplanationTask
from hooke.version import __version__

VALUE, NULL = "explanation", "null"


@dataclass(frozen=True)
class ExplanationBenchmark:
    """A suite with what it is run with.

    Attributes:
        suite: Its tasks.
        tasks: Some of them, all by default.
        relations: Sources whose relations are recalled, instead of those of the tasks.
        own_relations: Whether these may be sources of the model's own graph, which is a leak.
        runs: Folder of scores and page.
    """

    suite: ExplanationSuite
    tasks: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    own_relations: bool = False
    runs: Path = Path("runs")

    @property
    def chosen(self) -> list[ExplanationTask]:
        """The tasks, in the order of the suite.

        Raises:
            UnknownNameError: One that the suite does not have.
        """
        known = {task.name: task for task in self.suite.tasks}
        for name in self.tasks:
            if name not in known:
                raise UnknownNameError(f"task of {self.suite.name}", name, known)
        return [task for name, task in known.items() if not self.tasks or name in self.tasks]

    @property
    def file(self) -> Path:
        """Where measures are kept: another file for other relations or another version."""
        identity = content_hash([__version__, self.suite, self.relations, self.own_relations])[:8]
        return Path(self.runs) / f"{self.suite.name}-{identity}.jsonl"

    def measured(self) -> dict[str, list[Explained]]:
        """Task → its measures, of the chosen ones that are finished."""
        entries = latest_entries(self.file, ("task",))
        return {
            task.name: [Explained.from_json(value) for value in entries[task.name,]["measures"]]
            for task in self.chosen if (task.name,) in entries
        }  # fmt: skip


@dataclass(frozen=True)
class ExplanationResult:
    """What a benchmark holds."""

    benchmark: ExplanationBenchmark
    measured: tuple[Explained, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values."""
        return {"suite": self.benchmark.suite.name, "measured": [each.to_json() for each in self.measured]}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """One line a measure: value, null and gain with their intervals, count and verdict."""
        heads = ["task", "measure", "metric", "value", "null", "gain", "count", "verdict"]
        return heads, [
            [
                each.task, each.measure, each.metric, _text(each.value), _text(each.null), _text(each.gain),
                f"{each.count} {each.over}", each.verdict,
            ] for each in self.measured
        ]  # fmt: skip


def run_explanations(benchmark: ExplanationBenchmark, *, show_progress: bool = True) -> list[Explained]:
    """Measure what is missing, task by task.

    Raises:
        UnknownNameError: A task that the suite does not have.
        UsageError: Relations of the model's own graph are asked for, and that was not said.
        KeyboardInterrupt: The same command goes on from there.
    """
    done = benchmark.measured()
    missing = [task for task in benchmark.chosen if task.name not in done]
    with progress(len(missing), benchmark.suite.name, "tasks", show=show_progress) as bar:
        for task in missing:
            found = list(protocol(task.protocol)(task, benchmark.relations, benchmark.own_relations, show_progress))
            line = {"task": task.name, "measures": [each.to_json() for each in found]}
            append_lines(benchmark.file, [json_text(line)])
            bar.advance(1)
    return [each for measures in benchmark.measured().values() for each in measures]


def write_page(result: ExplanationResult, *, command: str = "") -> Path:
    """`FILE.report.json` and `FILE.html` beside the measures; returns the page."""
    benchmark, tables, differences = result.benchmark, [], []
    for each in result.measured:
        tables.append(
            build.result_table(
                f"{each.task}: {each.measure}", [Label(each.verdict)], each.metric, {VALUE: [each.value], NULL: [each.null]},
                higher_is_better=True, baselines=[NULL], counts=[each.count], intervals=f"95 %, over {each.over}", note=each.about,
            )
        )  # fmt: skip
        differences.append(
            build.difference(
                VALUE, NULL, f"{each.task}: {each.measure}", each.metric, each.gain, higher_is_better=True, pairs=each.count,
                paired_over=each.over,
            )
        )  # fmt: skip
    above = sum(each.verdict == "above its null" for each in result.measured)
    report = Report(
        title=benchmark.suite.title,
        subtitle=f"suite {benchmark.suite.name}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=Summary(
            f"{above} of {len(result.measured)} measures are above their null.",
            "none",
            (KeyNumber(f"{above} of {len(result.measured)}", "measures above their null"),),
            tuple(f"{each.task}, {each.measure}: {each.verdict}" for each in result.measured if each.gain.low <= 0),
        ),
        results=tuple(tables),
        differences=tuple(differences),
        items="perturbations",
        reproduce=Reproduce(commands=(Text("Command", command),) if command else ()),
    )
    source = report.write(benchmark.file.with_suffix(".report.json"))
    return write_report(source, benchmark.file.with_suffix(".html"))


def _text(found: Interval) -> str:
    return f"{number(found.value)} [{number(found.low)}, {number(found.high)}]"
