"""A metric of the validation rows that chooses the best epoch, in the place of a loss.

    valid/LABEL/METRIC    one label, METRIC as in metrics.json: "valid/logp/rmse", "valid/tox21/NR-AhR/roc_auc"
    valid/TABLE/METRIC    the mean over the labels of a table of a mixture, or over all of a level: "valid/all/normalised_mae"

The rows are predicted and measured as at the end of a run (`train.measure`), by one process, while others wait.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import METRIC_MONITOR, Recipe
from hooke.core.types import Spec, labels_of
from hooke.evaluate.label_means import EVERY, NORMALISED
from hooke.evaluate.metrics import METRICS
from hooke.evaluate.one_versus_rest import PREFIX, RANKING
from hooke.inference.ensemble import Ensemble
from hooke.modalities import trainable
from hooke.nn.task import Task
from hooke.train.measure import measured


def lower_is_better(monitor: str) -> bool:
    """Whether the best epoch has the lowest value of what is monitored: of losses and errors, not of correlations and areas."""
    if not monitor.startswith(METRIC_MONITOR):
        return True
    name = monitor.rpartition("/")[2].removeprefix(NORMALISED).removeprefix(PREFIX)
    return not METRICS[name].higher_is_better


def rank(monitor: str, value: float | None) -> float:
    """Where a value of what is monitored stands among others: the lowest is best, and what is not defined comes last."""
    if value is None or math.isnan(value):
        return math.inf
    return value if lower_is_better(monitor) else -value


def logged_as(monitor: str) -> str:
    """The name of what is monitored in metrics.jsonl."""
    return monitor if monitor.startswith(METRIC_MONITOR) else f"valid_{monitor}"


@dataclass(frozen=True)
class Monitor:
    """One metric of the validation rows.

    Attributes:
        name: As in `TrainSection.monitor`.
        values: Of a network: level → label, or table, → metric → value.
    """

    name: str
    values: Callable[[nn.Module], Mapping[str, Mapping[str, Mapping[str, float]]]]

    @classmethod
    def of(cls, recipe: Recipe, spec: Spec, task: Task, store: Any, rows: np.ndarray, device: torch.device) -> Monitor:
        """That of a recipe.

        Raises:
            UnknownNameError: No label or table of the data has such a metric; offers the nearest.
            UsageError: There are no validation rows.
        """
        name, modality = recipe.train.monitor, trainable(recipe.modality, "fit")
        if not len(rows):
            raise UsageError(f"train.monitor = {name} needs validation rows, and the split has none")
        known = _names(spec, modality.levels)
        if name not in known:
            raise UnknownNameError("train.monitor", name, known)

        def values(network: nn.Module) -> dict[str, dict[str, dict[str, float]]]:
            found = measured(modality, recipe, store, rows, spec, Ensemble([network], task, device))
            groups_first = sorted(found, key=lambda level: level != modality.group)
            return {level: {**found[level].means, **found[level].metrics} for level in groups_first}

        return cls(name, values)

    def __call__(self, network: nn.Module) -> float:
        """The value for a network, which is left in evaluation mode; NaN where it is not defined."""
        thing, _, metric = self.name.removeprefix(METRIC_MONITOR).rpartition("/")
        for found in self.values(network).values():
            if metric in found.get(thing, {}):
                return float(found[thing][metric])
        return math.nan


def _names(spec: Spec, levels: Sequence[str]) -> list[str]:
    """Everything that can be monitored of labels and tables."""
    names: dict[str, None] = {}
    for level in levels:
        labels = labels_of(spec, level)
        for label in labels:
            metrics = [metric.name for metric in METRICS.values() if label.kind in metric.kinds]
            metrics += [f"{PREFIX}{metric}" for metric in RANKING] if label.kind == "ordinal" else []
            if label.width > 1:
                metrics = ["mae", "rmse", "r2"]
            names |= dict.fromkeys(f"{METRIC_MONITOR}{label.name}/{metric}" for metric in metrics)
            if len(labels) > 1:
                means = [f"{NORMALISED}{metric}" if metric in ("mae", "rmse") else metric for metric in metrics]
                tables = (label.source or EVERY, EVERY)
                names |= dict.fromkeys(f"{METRIC_MONITOR}{table}/{metric}" for table in tables for metric in means)
    return list(names)
