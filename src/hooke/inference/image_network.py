"""The spec of an image run, and its task and network built from it, for training and for embedding."""

from __future__ import annotations

from typing import Any

from torch import nn

from hooke.core import registry
from hooke.core.recipe import Recipe
from hooke.core.runs import RunFolder
from hooke.images.spec import ImageSpec
from hooke.images.store import ImageStore
from hooke.images.targets import released_spec, spec_of
from hooke.nn.images.classification import ClassificationTask
from hooke.nn.task import Task

SPEC, RELEASED = "spec.json", "images.json"  # of a run; what runs of the first release have instead


def image_spec(store: ImageStore, recipe: Recipe) -> ImageSpec:
    """What a network of this recipe must know of the images of a store; see `images.targets.spec_of`."""
    task, model = registry.module("tasks", recipe.task.name).Task, registry.module("models", recipe.model.name).Model
    classifies = issubclass(task, ClassificationTask)
    return spec_of(
        store, recipe, target=recipe.task.config.target if classifies else "",
        features=classifies and task.measures_features, agnostic=model.agnostic,
    )  # fmt: skip


def spec_file(run: RunFolder) -> str:
    """The name of the file that holds what the run knows of its images."""
    return SPEC if run.path(SPEC).exists() else RELEASED


def read_image_spec(run: RunFolder) -> ImageSpec:
    """The spec of a run, of the first release too."""
    name = spec_file(run)
    value = run.read_json(name)
    if name == SPEC:
        return ImageSpec.from_json(value)
    agnostic = registry.module("models", run.recipe["model"]["name"]).Model.agnostic
    return released_spec(value, crop=int(run.recipe["images"]["crop"]), agnostic=agnostic)


def build_image_network(
    task_name: str, task_config: Any, model: str, config: Any, spec: ImageSpec
) -> tuple[nn.Module, Task]:
    """The encoder with what the objective adds, and the objective; initialised from torch's current generator."""
    task: Task = registry.module("tasks", task_name).Task(task_config, spec)
    return task.network(registry.module("models", model).Model(config, task.inputs(spec))), task
