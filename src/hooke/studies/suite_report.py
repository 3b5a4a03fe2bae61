"""What a suite's scores say: means over seeds, ranks with intervals over tasks, one page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.label import Label
from hooke.evaluate.bootstrap import Interval, paired_difference
from hooke.evaluate.metrics import METRICS
from hooke.report import build
from hooke.report.data_schema import KeyNumber
from hooke.report.html import write_report
from hooke.report.schema import Report, Reproduce, Summary
from hooke.report.wording import decimals, number, spread_text
from hooke.studies.evaluation import CLIFF, SuiteRow
from hooke.suites import Suite

BASELINES = ("mean", "ridge", "forest", "minimol")
_ALL, _NEW = "all tasks", "tasks outside the pretraining mixture"
_IN_TABLE = {_ALL: "all tasks", _NEW: "not pretrained on"}


@dataclass(frozen=True)
class SuiteResult:
    """All scores of a suite.

    Attributes:
        suite: Which.
        rows: The scores.
        pretrained_on: Tables that the pretrained run learnt from; None where it is not known, or there is none: any of `shelfmix`.
    """

    suite: Suite
    rows: tuple[SuiteRow, ...]
    pretrained_on: tuple[str, ...] | None = None

    @property
    def systems(self) -> list[str]:
        """Systems in the order of first appearance."""
        return list(dict.fromkeys(row.system for row in self.rows))

    @property
    def scores(self) -> dict[tuple[str, str], dict[str, list[float]]]:
        """(task, metric) -> system -> one value a seed."""
        found: dict[tuple[str, str], dict[str, list[float]]] = {}
        for row in sorted(self.rows, key=lambda row: row.seed):
            found.setdefault((row.task, row.metric), {}).setdefault(row.system, []).append(row.value)
        return found

    def ranks(self, tasks: Sequence[str] | None = None) -> dict[str, Interval]:
        """System -> mean rank over tasks (1 is best, ties share) with a bootstrap interval over tasks.

        Only tasks that all systems were scored on count; the cliff error is no rank of its own.
        """
        table = []
        for (task, metric), by_system in self.scores.items():
            whole = len(by_system) == len(self.systems)
            if whole and metric != CLIFF and (tasks is None or task in tasks):
                sign = -1 if METRICS[metric].higher_is_better else 1
                table.append(_ranked([sign * float(np.mean(by_system[name])) for name in self.systems]))
        if not table:
            return {}
        ranks = np.array(table)
        generator = np.random.default_rng(0)
        return {
            name: paired_difference(ranks[:, number], generator=generator) for number, name in enumerate(self.systems)
        }

    def wins(self, first: str, second: str, tasks: Sequence[str] | None = None) -> tuple[int, int]:
        """On how many tasks `first` has the better mean than `second`, and of how many."""
        better = count = 0
        for (task, metric), by_system in self.scores.items():
            if tasks is not None and task not in tasks:
                continue
            if metric != CLIFF and first in by_system and second in by_system:
                gain = float(np.mean(by_system[first]) - np.mean(by_system[second]))
                better += gain > 0 if METRICS[metric].higher_is_better else gain < 0
                count += 1
        return better, count

    def new_tasks(self) -> list[str]:
        """Tasks whose assay is not also pretrained on."""
        seen = self.pretrained_on
        return [
            task.name
            for task in self.suite.tasks
            if not any(seen is None or table in seen for table in task.pretraining)
        ]

    def to_json(self) -> dict[str, Any]:
        """Scores and ranks as plain values."""
        return {
            "suite": self.suite.name,
            "rows": [vars(row) for row in self.rows],
            "ranks": {
                which: {name: vars(found) for name, found in self.ranks(tasks).items()}
                for which, tasks in ((_ALL, None), (_NEW, self.new_tasks()))
            },
        }

    def table(self) -> str:
        """Mean of each system on each task, and the mean ranks."""
        width = max(len("mean rank"), *(len(task) for task, _ in self.scores)) + 2
        lines = [f"{'task':<{width}}{'metric':<19}" + "".join(f"{name:>16}" for name in self.systems)]
        for (task, metric), by_system in self.scores.items():
            cells = [_cell(by_system.get(name, [])) for name in self.systems]
            lines.append(f"{task:<{width}}{metric:<19}" + "".join(f"{cell:>16}" for cell in cells))
        for which, tasks in ((_ALL, None), (_NEW, self.new_tasks())):
            ranks = self.ranks(tasks)
            if ranks:
                cells = [decimals(found.value, 2) for found in ranks.values()]
                lines.append(f"{'mean rank':<{width}}{_IN_TABLE[which]:<19}" + "".join(f"{cell:>16}" for cell in cells))
        return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    mean = float(np.mean(values))
    return spread_text(mean, float(np.std(values, ddof=1))) if len(values) > 1 else number(mean, 4)


def _ranked(values: Sequence[float]) -> np.ndarray:
    """Ranks of values, the lowest first; equal values share their mean rank."""
    from scipy.stats import rankdata

    return rankdata(np.nan_to_num(values, nan=np.inf))


def _over_seeds(values: Sequence[float]) -> Interval:
    return paired_difference(np.array(values), generator=np.random.default_rng(0))


def write_suite_report(result: SuiteResult, path: Path, *, command: str = "") -> Path:
    """One page for the suite: `path`.json and `path`.html; returns the page."""
    labels, metrics, higher = [], {}, {}
    scores: dict[str, list[Interval | float | None]] = {name: [] for name in result.systems}
    repeats: dict[str, list[Sequence[float]]] = {name: [] for name in result.systems}
    for (task, metric), by_system in result.scores.items():
        label = Label(task if metric != CLIFF else f"{task} (cliffs)")
        labels.append(label)
        metrics[label.name] = metric
        higher[label.name] = metric != CLIFF and METRICS[metric].higher_is_better
        for name in result.systems:
            values = by_system.get(name, [])
            scores[name].append(_over_seeds(values) if values else None)
            repeats[name].append(values)
    tables = [
        build.result_table(
            result.suite.title, labels, metrics, scores, higher_is_better=higher, repeats=repeats,
            baselines=[name for name in BASELINES if name in result.systems], split="held out: fixed test rows",
            intervals="95 % t interval over seeds",
        )
    ]  # fmt: skip
    for which, tasks in ((_ALL, None), (_NEW, result.new_tasks())):
        if ranks := result.ranks(tasks):
            tables.append(
                build.result_table(
                    f"Mean rank, {which}", [Label("mean rank")], "rank", {name: [found] for name, found in ranks.items()},
                    higher_is_better=False, intervals="95 % over tasks",
                )
            )  # fmt: skip
    report = Report(
        title=result.suite.title,
        subtitle=f"suite {result.suite.name}",
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        summary=_summary(result),
        results=tuple(tables),
        reproduce=Reproduce(),
    )
    source = report.write(path.with_suffix(".json"))
    return write_report(source, path.with_suffix(".html"))


def _summary(result: SuiteResult) -> Summary:
    ranks = result.ranks()
    if not ranks:
        return Summary("No task was scored with every system, so nothing is ranked.")
    best = min(ranks, key=lambda name: ranks[name].value)
    text = f"{best} has the best mean rank, {ranks[best].value:.2f} of {len(ranks)} systems."
    for adapted in ("probe", "finetuned"):
        if adapted in result.systems and "scratch" in result.systems:
            better, count = result.wins(adapted, "scratch")
            text += f" {adapted} beats training from scratch on {better} of {count} tasks."
    numbers = tuple(KeyNumber(f"{found.value:.2f}", f"mean rank of {name}") for name, found in ranks.items())[:6]
    return Summary(text, "none", numbers, ("ranks say nothing about the size of a difference: see the table",))
