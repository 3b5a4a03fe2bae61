"""`ImageBatch`: images of cells and what is known about them as tensors. The one file of this folder that knows torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from hooke.images.spec import LEVEL

PIXEL_TYPES = (torch.uint8, torch.uint16, torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class ImageBatch:
    """`B` images of `C` channels, all with the same channels and the same size.

    Attributes:
        pixels: (B, C, H, W) as measured (uint8, uint16) or as floats. Nothing is normalised here: the network or
            `images.normalise` does that, so that 8-bit and 16-bit images come out alike.
        channels: C channel names ("DNA", "ER", ...), shared by the batch.
        rows: (B,) int64, the row of each image in its store; several crops of one image share it.
        targets: "field" → (B, labels) float32, one column a label of `ImageSpec.labels`: classes count from 0, NaN = unknown or not
            measured; empty where nothing is known.
        batch_index: (B,) int64, which experimental batch each image belongs to (numbers from `ImageStore.batches`), or
            None when that is not known.
        control: (B,) bool, True for images of negative-control wells, or None when that is not known.
    """

    pixels: Shaped[Tensor, "images channels height width"]
    channels: tuple[str, ...]
    rows: Int[Tensor, " images"]
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    batch_index: Int[Tensor, " images"] | None = None
    control: Bool[Tensor, " images"] | None = None

    def __post_init__(self) -> None:
        if self.pixels.dtype not in PIXEL_TYPES:
            raise ValueError(f"pixels must be uint8, uint16 or floats, got {self.pixels.dtype}")
        if len(self.channels) != self.pixels.shape[1]:
            raise ValueError(f"{len(self.channels)} channel names for {self.pixels.shape[1]} channels")
        if len(set(self.channels)) != len(self.channels):
            raise ValueError(f"channel names repeat: {self.channels}")

    @property
    def num_items(self) -> int:
        """Number of images."""
        return len(self.pixels)

    def item_keys(self, axis: str) -> tuple[Tensor, Tensor | None]:
        """See `core.types.Batch`; the one axis is images. Crops of one field draw the same numbers."""
        return self.rows, None

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> ImageBatch:
        """The same batch on another device."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=non_blocking)

        return replace(
            self,
            pixels=move(self.pixels),
            rows=move(self.rows),
            targets={name: move(tensor) for name, tensor in self.targets.items()},
            batch_index=None if self.batch_index is None else move(self.batch_index),
            control=None if self.control is None else move(self.control),
        )

    def select(self, chosen: Tensor | slice) -> ImageBatch:
        """Some of the images, with all that is known about them."""
        return replace(
            self,
            pixels=self.pixels[chosen],
            rows=self.rows[chosen],
            targets={name: tensor[chosen] for name, tensor in self.targets.items()},
            batch_index=None if self.batch_index is None else self.batch_index[chosen],
            control=None if self.control is None else self.control[chosen],
        )

    def select_channels(self, names: Sequence[str]) -> ImageBatch:
        """The same images with some of the channels, in the given order.

        Raises:
            ValueError: A channel that the batch does not have.
        """
        missing = [name for name in names if name not in self.channels]
        if missing:
            raise ValueError(f"no channel {missing[0]!r} in this batch; it has {', '.join(self.channels)}")
        return replace(
            self, pixels=self.pixels[:, [self.channels.index(name) for name in names]], channels=tuple(names)
        )


def image_batch(
    pixels: np.ndarray,
    channels: Sequence[str],
    rows: np.ndarray,
    targets: np.ndarray | None = None,
    batch_index: np.ndarray | None = None,
    control: np.ndarray | None = None,
) -> ImageBatch:
    """Arrays as a batch.

    Args:
        pixels: (B, C, H, W) uint8, uint16 or floats.
        targets: (B, labels); None where nothing is known.
        channels, rows, batch_index, control: As in `ImageBatch`.
    """
    return ImageBatch(
        pixels=torch.from_numpy(np.ascontiguousarray(pixels)),
        channels=tuple(channels),
        rows=torch.from_numpy(np.array(rows, dtype=np.int64)),
        targets={} if targets is None else {LEVEL: torch.from_numpy(np.array(targets, dtype=np.float32))},
        batch_index=None if batch_index is None else torch.from_numpy(np.array(batch_index, dtype=np.int64)),
        control=None if control is None else torch.from_numpy(np.array(control, dtype=np.bool_)),
    )


def meta_batch(items: int, channels: tuple[str, ...], size: int) -> ImageBatch:
    """Square 8-bit images without numbers."""
    pixels = torch.empty(items, len(channels), size, size, dtype=torch.uint8, device="meta")
    return ImageBatch(pixels, channels, torch.empty(items, dtype=torch.int64, device="meta"))
