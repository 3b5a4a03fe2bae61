"""Building a task and a network from names, options and a spec, the same way for training and for predicting.

Runs of estimators: their arrays as a predictor.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from hooke.core import registry
from hooke.core.checked import check_seal
from hooke.core.reading import check_safetensors, reading
from hooke.core.recipe import Named
from hooke.core.runs import RunFolder
from hooke.core.types import Spec, labels_of
from hooke.estimators import Estimator, estimator_class
from hooke.inference.blocks import Blocks
from hooke.inference.ensemble import Estimates
from hooke.modalities import Trainable
from hooke.nn.task import Task

ARRAYS = "estimator.safetensors"


def estimates_of(run: RunFolder, chosen: Named, spec: Spec, modality: Trainable, members: int) -> Estimates:
    """The estimators of a run.

    Raises:
        DataError: Their arrays are missing or damaged.
    """
    level = modality.levels[0]
    estimators = [
        estimator_of(run.path(f"members/{number}/{ARRAYS}"), chosen, spec, level) for number in range(members)
    ]
    names = [name for label in labels_of(spec, level) for name in label.column_names]
    return Estimates(estimators, level, Blocks(modality), names)


def estimator_of(path: Path, chosen: Named, spec: Spec, level: str) -> Estimator:
    """A fitted estimator from its arrays.

    Raises:
        DataError: They are missing or damaged.
    """
    from safetensors.numpy import load_file

    with reading(path, "the arrays of an estimator"):
        check_safetensors(path)
        check_seal(path)
        return estimator_class(chosen.name).from_arrays(chosen.config, spec, level, load_file(path))


def device_of(name: str) -> torch.device:
    """A device by name; "auto" takes a GPU if there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


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
