"""Building a task and a network from names, options and a spec, the same way for training and for predicting."""

from __future__ import annotations

from typing import Any

from torch import nn

from hooke.core import registry
from hooke.core.recipe import Named
from hooke.core.types import Spec
from hooke.modalities import Trainable
from hooke.nn.task import Task


def build_task(task: Named, spec: Spec) -> Task:
    """The objective for data of this spec."""
    return registry.module("tasks", task.name).Task(task.config, spec)


def build_network(modality: Trainable, model: Named, spec: Spec, task: Task, *, config: Any = None) -> nn.Module:
    """The encoder with what the objective adds; initialised from torch's current generator.

    Args:
        modality: Of the data.
        model: Which encoder.
        spec: Of the data.
        task: The objective.
        config: Other options of the model than its own.
    """
    made = registry.module("models", model.name).Model
    return task.network(modality.encoder(made, model.config if config is None else config, task.inputs(spec)))
