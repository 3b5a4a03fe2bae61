"""Building a task and a network from names and options, the same way for training and for predicting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import nn

from hooke.core import registry
from hooke.core.label import Label
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.learned_encoding import with_learned


def build_task(name: str, config: Any, labels: Sequence[Label], statistics: Mapping[str, Any] | None) -> Any:
    """The objective of this name for the given labels."""
    return registry.module("tasks", name).Task(config, MoleculeSpec(tuple(labels), statistics=statistics or {}))


def predicts_labels(name: str, config: Any) -> bool:
    """Whether the objective of this name learns labels with these options."""
    return bool(registry.module("tasks", name).Task.learns_labels(config))


def build_network(name: str, config: Any, encodings: EncodingConfig, task: Any) -> nn.Module:
    """The encoder of this name with the task's heads; initialised from torch's current generator."""
    spec = task.inputs(replace(task.spec, encodings=encodings))
    return task.network(with_learned(registry.module("models", name).Model, config, spec))
