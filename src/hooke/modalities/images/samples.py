"""Small images of all kinds, and batches of them, for tests of image models and tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Literal, get_args

import torch
from torch import Tensor

from hooke.core.label import Label
from hooke.images.batch import ImageBatch
from hooke.images.spec import LEVEL, ImageSpec
from hooke.images.targets import MEASURED
from hooke.modalities import Sample
from hooke.nn.contract import seeded
from hooke.nn.images.encoder import MaskedEncoder

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
MASKED = 0.75  # share of the patches that is hidden
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


def noise_for(model: MaskedEncoder, batch: ImageBatch) -> Tensor:
    """(B, patches) float64 noise that decides which patches are hidden, the same for the same row of a store."""
    patches = model.maskable(batch)
    return torch.stack([torch.rand(patches, generator=seeded(row), dtype=torch.float64) for row in batch.rows.tolist()])


def sample(seed: int = 0) -> Sample:
    """Six images for `SPEC`, and rectangles of other kinds of pixels, among them black and white ones; see `modalities.Sample`."""

    def batch(places: Sequence[int], spec: ImageSpec) -> ImageBatch:
        [group] = [group for group in _groups(seed) if min(places) in group.rows]
        return group.select(torch.tensor(list(places)) - group.rows[0])

    usual, *others = _groups(seed)
    odd = {f"rectangles of {group.pixels.dtype}": group.rows.tolist() for group in others}
    return Sample(SPEC, usual.num_items, batch, odd)


@cache
def _groups(seed: int) -> list[ImageBatch]:
    """Images that can share a batch; their rows are their places in the sample."""
    groups, first = [image_batch(6, seed=seed)], 6
    for kind in get_args(PixelKind)[:3]:
        images = image_batch(3, size=(SIZE // 2, SIZE), kind=kind, seed=seed)
        pixels = images.pixels.double()
        pixels[0], pixels[1] = 0, pixels.max()
        groups.append(replace(images, pixels=pixels.to(images.pixels.dtype), rows=images.rows + first))
        first += 3
    return groups
