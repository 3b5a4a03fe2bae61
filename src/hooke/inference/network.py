"""Building a task and a network from names and options, the same way for training and for predicting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from hooke.core import registry
from hooke.core.label import Label
from hooke.molecules.encodings.config import EncodingConfig
from hooke.nn.graphs.learned_encoding import with_learned


def build_task(name: str, config: Any, labels: Sequence[Label], statistics: Mapping[str, Any] | None) -> Any:
    """The objective of this name for the given labels."""
    return registry.module("tasks", name).Task(config, labels, statistics)


def predicts_labels(name: str, config: Any) -> bool:
    """Whether the objective of this name learns labels: its file says `SUPERVISED = False` if not, or its options say `supervised`."""
    always = getattr(registry.module("tasks", name), "SUPERVISED", True)
    return bool(getattr(config, "supervised", always))


def build_network(name: str, config: Any, encodings: EncodingConfig, task: Any) -> nn.Module:
    """The encoder of this name with the task's heads; initialised from torch's current generator."""
    module = registry.module("models", name)
    seen = input_encodings(task, task.config, encodings)
    return task.network(with_learned(lambda own: module.Model(config, own), seen))


def input_encodings(task: Any, config: Any, encodings: EncodingConfig) -> EncodingConfig:
    """Which of the encodings that the molecules carry the encoder reads: not those that the task predicts.

    Args:
        task: The class of the task, or one of it.
        config: Of the task.
        encodings: That the molecules carry.
    """
    narrowed = getattr(task, "input_encodings", None)
    return encodings if narrowed is None else narrowed(config, encodings)
