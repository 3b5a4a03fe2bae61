"""The learning rate as a function of the step: linear warm-up to the peak, then a schedule.

It depends on the step alone, so that a resumed run goes on with the very rates of an uninterrupted one. Schedules of torch are played through
once, without a network.
"""

from __future__ import annotations

import inspect
import math
import warnings
from typing import Any

import torch
from torch.optim import lr_scheduler

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import SCHEDULES, TrainSection

_OF_METRICS = ("ReduceLROnPlateau",)  # they need to know how well it goes
_BASES = ("LRScheduler", "SequentialLR", "ChainedScheduler", "LambdaLR", "MultiplicativeLR")  # no plain options


class Schedule:
    """Rates of all steps.

    Args:
        section: How a network is trained.
        total: Optimiser steps in all.
        per_epoch: Of an epoch.

    Raises:
        UnknownNameError: No such schedule.
        UsageError: Options that the schedule of torch does not take.
    """

    def __init__(self, section: TrainSection, total: int, per_epoch: int) -> None:
        self.section, self.total = section, total
        asked = section.warmup_steps or round(section.warmup_epochs * per_epoch) or round(section.warmup * total)
        self.warmup = min(asked, total)
        self._rates = None if section.schedule in SCHEDULES else _of_torch(section, max(1, total - self.warmup))

    def rate(self, step: int) -> float:
        """The rate of a step, from 0."""
        section = self.section
        if step < self.warmup:
            return section.learning_rate * (step + 1) / self.warmup
        if self._rates is not None:
            return self._rates[min(step - self.warmup, len(self._rates) - 1)]
        if section.schedule == "constant":
            return section.learning_rate
        done = (step - self.warmup) / max(1, self.total - self.warmup)
        fall = (1 + math.cos(math.pi * min(1.0, done))) / 2 if section.schedule == "cosine" else max(0.0, 1 - done)
        return section.learning_rate * (section.final_rate + (1 - section.final_rate) * fall)


def torch_schedules() -> dict[str, type[Any]]:
    """Name → class of the schedules of torch whose options can stand in a recipe."""
    return {
        name: found
        for name, found in vars(lr_scheduler).items()
        if inspect.isclass(found)
        and issubclass(found, lr_scheduler.LRScheduler)
        and name not in (*_BASES, *_OF_METRICS)
        and not name.startswith("_")
    }


def _of_torch(section: TrainSection, steps: int) -> list[float]:
    """The rates of a schedule of torch."""
    name, known = section.schedule, torch_schedules()
    if name in _OF_METRICS:
        raise UsageError(f"{name} follows a metric, and a rate is a function of the step here: use train.patience")
    if name not in known:
        raise UnknownNameError("train.schedule", name, [*SCHEDULES, *known])
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=section.learning_rate)
    rates = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of optimiser steps that are not made here
        try:
            schedule = known[name](optimiser, **section.schedule_options)
            for _ in range(steps):
                rates.append(float(optimiser.param_groups[0]["lr"]))
                schedule.step()
        except (TypeError, ValueError) as error:
            raise UsageError(f"train.schedule_options do not fit {name}: {error}") from error
    return rates
