"""Small images of all kinds, and batches of them, for tests of image models and tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from hooke.core.label import Label
from hooke.images.batch import ImageBatch
from hooke.images.spec import LEVEL, ImageSpec
from hooke.images.targets import MEASURED

CHANNELS = ("dna", "er", "actin")
SIZE = 32
SPEC = ImageSpec(
    CHANNELS,
    ("first", "second", "third"),
    (
        Label("perturbation", LEVEL, "multiclass", classes=5),
        Label("cell_type", LEVEL, "multiclass", classes=3),
        *(Label(name, LEVEL, source=MEASURED) for name in ("area", "brightness", "texture", "density")),
    ),
    SIZE,
)
PixelKind = Literal["uint8", "uint16", "float32", "float64"]


def cells(count: int, channels: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """(B, C, H, W) float64 in 0 ... 1: a few soft discs of random place, size and brightness in each image, on noise."""
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    images = 0.05 * torch.rand(count, channels, height, width, generator=generator, dtype=torch.float64)
    for image in images:
        for _ in range(6):
            top, left, radius = torch.rand(3, generator=generator, dtype=torch.float64)
            distance = ((rows - top * height) ** 2 + (columns - left * width) ** 2).sqrt()
            disc = torch.sigmoid((2 + 4 * radius) - distance)
            image += 0.4 * disc * torch.rand(channels, 1, 1, generator=generator, dtype=torch.float64)
    return images.clamp(max=1)


def image_batch(
    count: int = 6,
    *,
    channels: Sequence[str] = CHANNELS,
    size: tuple[int, int] = (SIZE, SIZE),
    kind: PixelKind = "uint8",
    seed: int = 0,
) -> ImageBatch:
    """Images with the labels of `SPEC`, experimental batches and controls; missing: every fifth perturbation, every third row of features."""
    generator = torch.Generator().manual_seed(seed)
    pixels = cells(count, len(channels), *size, generator)
    if kind == "uint8":
        pixels = (pixels * 255).to(torch.uint8)
    elif kind == "uint16":
        pixels = (pixels * 4095).to(torch.uint16)
    else:
        pixels = pixels.to(torch.float32 if kind == "float32" else torch.float64)
    rows = torch.arange(count)
    classes = [label.classes for label in SPEC.labels if label.classes]
    columns = [torch.randint(0, number, (count, 1), generator=generator) for number in classes]
    columns.append(torch.randn(count, len(SPEC.labels) - len(classes), generator=generator))
    targets = torch.cat(columns, dim=1)
    targets[rows % 3 == 2, len(classes) :] = torch.nan
    targets[rows % 5 == 4, 0] = torch.nan
    return ImageBatch(
        pixels=pixels,
        channels=tuple(channels),
        rows=rows,
        targets={LEVEL: targets},
        batch_index=rows % len(SPEC.batches),
        control=rows % 4 == 0,
    )
