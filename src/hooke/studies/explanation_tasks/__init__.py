"""How the tasks of `hooke benchmark explanations` are measured: one file a protocol, with `measure(task, relations, own, show_progress)`.

A protocol yields one `Explained` a measure: the value, what chance gives while degrees are kept, and their difference with its interval.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hooke.core import registry
from hooke.core.how import How
from hooke.core.paths import cache_folder
from hooke.evaluate.bootstrap import Interval
from hooke.evaluate.faithfulness import Faithfulness
from hooke.suites import ExplanationTask

Measure = Callable[[ExplanationTask, Sequence[str], bool, bool], Iterator["Explained"]]


@dataclass(frozen=True)
class Explained:
    """One measure of one task.

    Attributes:
        task: Of the suite.
        measure: What was measured.
        metric: "spearman", "auroc", "ratio", "recall", "retained" or "loss of r".
        value, null, gain: See `Faithfulness`.
        count: Of `over`.
        over: What it is a mean over: "genes", "edges" ...
        verdict: One line.
        about: How the null is made, and what else must be known.
    """

    task: str
    measure: str
    metric: str
    value: Interval
    null: Interval
    gain: Interval
    count: int
    over: str
    verdict: str
    about: str = ""

    @classmethod
    def of(cls, task: str, measure: str, metric: str, found: Faithfulness, over: str, about: str = "") -> Explained:
        """From a measure beside its null."""
        return cls(task, measure, metric, found.value, found.null, found.gain, found.count, over, found.verdict, about)

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Explained:
        """Back from `to_json`."""
        intervals = {name: _interval(values[name]) for name in ("value", "null", "gain")}
        return cls(**{**values, **intervals})


def protocol(name: str) -> Measure:
    """The function `measure` of a protocol."""
    return importlib.import_module(f"{__name__}.{name}").measure


def data_set(task: ExplanationTask, show_progress: bool) -> tuple[Any, Any]:
    """The task's data set, and its store."""
    module = registry.module("datasets", task.dataset)
    made = module.Dataset(module.Config())
    return made, made.prepare(cache_folder() / "stores", How(show_progress=show_progress))


def _interval(values: dict[str, float | None]) -> Interval:
    return Interval(
        *(float("nan") if values[name] is None else float(values[name] or 0.0) for name in ("value", "low", "high"))
    )
