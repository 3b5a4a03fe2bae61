"""`ImageSpec`: what a network must know of the images that it was made for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hooke.core.label import Label

LEVEL = "field"  # of all labels of images


@dataclass(frozen=True)
class ImageSpec:
    """Channels, experimental batches and labels.

    Attributes:
        channels: Names, in the order of the weights.
        batches: Names of the experimental batches; `batch_index` counts in this order.
        labels: Classes (with their names) and measured features, all of level "field", in the order of the target columns.
        crop: Side of the crops that the network was trained on, in pixels; 0 for whole fields.
        agnostic: Whether the encoder takes any channels, whatever it was trained on.
    """

    channels: tuple[str, ...]
    batches: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    crop: int = 0
    agnostic: bool = False

    @property
    def classes(self) -> Label | None:
        """The first label of classes."""
        return next((label for label in self.labels if label.classes), None)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `from_json` gives the spec back."""
        return {
            "channels": list(self.channels),
            "batches": list(self.batches),
            "labels": [label.to_json() for label in self.labels],
            "crop": self.crop,
            "agnostic": self.agnostic,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ImageSpec:
        """Back from `to_json`."""
        return cls(
            tuple(value["channels"]),
            tuple(value["batches"]),
            tuple(Label.from_json(entry) for entry in value["labels"]),
            int(value["crop"]),
            bool(value["agnostic"]),
        )
