"""`ImageBatch`: images of the same channels and size, ready for a device. The one file of this folder that knows torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Shaped
from torch import Tensor


@dataclass(frozen=True)
class ImageBatch:
    """`B` images of `C` channels.

    Attributes:
        pixels: (B, C, H, W) uint8, uint16 or floating point, as stored.
        channels: The names of the C channels, shared by the batch.
        rows: (B,) int64, the row of each image in its store.
        targets: name -> (B, ...) labels.
        batch_index: (B,) int64, the experimental batch of each image; None when unknown.
        control: (B,) bool, whether the well is a negative control; None when unknown.
    """

    pixels: Shaped[Tensor, "images channels height width"]
    channels: tuple[str, ...]
    rows: Tensor
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    batch_index: Tensor | None = None
    control: Tensor | None = None

    @property
    def num_items(self) -> int:
        """Number of images."""
        return len(self.pixels)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> ImageBatch:
        """The same batch on another device."""

        def move(value: object) -> object:
            if isinstance(value, Tensor):
                return value.to(device, non_blocking=non_blocking)
            if isinstance(value, Mapping):
                return {name: move(tensor) for name, tensor in value.items()}
            return value

        return replace(self, **{name: move(value) for name, value in vars(self).items()})  # type: ignore[arg-type]
