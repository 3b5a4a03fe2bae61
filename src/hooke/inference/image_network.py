"""What an image run learns about its data, and building its task and network from it, for training and for embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import nn

from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.images.measured import feature_names
from hooke.images.store import ImageStore
from hooke.tasks.measured_features import FEATURES

MEASURED = "measured_fields"  # an objective whose config has it predicts measured features


@dataclass(frozen=True)
class ImageSetup:
    """What a network must know of the images that it was made for.

    Attributes:
        channels: Names, in the order of the weights.
        batches: Names of the experimental batches; `batch_index` counts in this order.
        target: Metadata column of the classes; "" when the objective needs none.
        classes: Their names, in the order of the head.
        features: How many measured features the objective predicts of each image; 0: none.
    """

    channels: tuple[str, ...]
    batches: tuple[str, ...] = ()
    target: str = ""
    classes: tuple[str, ...] = ()
    features: int = 0

    @classmethod
    def of(cls, store: ImageStore, task_config: Any, channels: Sequence[str] = ()) -> ImageSetup:
        """From a store.

        Args:
            store: The images.
            task_config: Of the objective; its `target`, where it has one, is a metadata column.
            channels: Which of the store's; none takes all.

        Raises:
            UnknownNameError: No such channel or column.
            UsageError: Features are measured on all channels, but some were chosen.
        """
        store.channel_numbers(channels)
        target = getattr(task_config, "target", "")
        classes = store.classes(target)[1] if target else ()
        found = cls(tuple(channels) or store.channels, store.batches, target, classes)
        if not hasattr(task_config, MEASURED):
            return found
        if found.channels != store.channels:
            raise UsageError("features are measured on all channels of the images; leave images.channels out")
        return replace(found, features=len(feature_names(found.channels)))

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ImageSetup:
        """Back from `to_json`."""
        lists = {name: tuple(value[name]) for name in ("channels", "batches", "classes")}
        return cls(**{**value, **lists})

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; without `features` where there are none, so that older runs keep their hashes."""
        plain = asdict(self)
        return plain if self.features else {name: value for name, value in plain.items() if name != "features"}


def build_image_network(
    task_name: str, task_config: Any, model: str, config: Any, setup: ImageSetup
) -> tuple[nn.Module, Any]:
    """The encoder with what the objective adds, and the objective; initialised from torch's current generator."""
    classes = {setup.target: len(setup.classes)} if setup.target else {}
    if setup.features:
        classes[FEATURES] = setup.features
    task = registry.module("tasks", task_name).Task(task_config, classes, len(setup.batches))
    return task.network(registry.module("models", model).Model(config, setup.channels)), task
