"""Benchmark suites as declarations: each file holds `SUITE`, its name is the file's; `hooke show names suites` lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hooke.core import registry


@dataclass(frozen=True)
class SuiteTask:
    """One task: a table of a registered data set and the metric that its labels are averaged over.

    Attributes:
        name: Of the task.
        dataset: Registered name.
        options: Of the data set's config.
        metric: Name in `evaluate.metrics`.
        pretraining: Tables of `shelfmix` that hold the same assay, or measurements of the same target (not its test molecules).
    """

    name: str
    dataset: str
    options: Mapping[str, Any]
    metric: str
    pretraining: tuple[str, ...] = ()


@dataclass(frozen=True)
class Suite:
    """Tasks that are reported together.

    Attributes:
        name: Of the suite.
        title: For the report.
        tasks: The tasks.
        cliffs: Whether the data set marks activity cliffs; the error on them is a second score.
    """

    name: str
    title: str
    tasks: tuple[SuiteTask, ...]
    cliffs: bool = False


def suite(name: str) -> Suite:
    """A suite by name.

    Raises:
        UnknownNameError: No such suite.
    """
    return registry.module("suites", name).SUITE
