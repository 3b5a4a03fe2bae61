"""Views of images: random ones for contrastive learning (shifts, reflections, contrast), and all turns of each for an embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hooke.images.batch import ImageBatch
from hooke.nn.images.dihedral import IDENTITY, REFLECTION, random_elements, turn_each

SHIFT = 8  # shifts go up to 1/8 of the side
GAMMA = 0.2  # signed power x|x|^(γ - 1) with γ in 1 ± this


def random_view(
    images: Float[Tensor, "images channels height width"], generator: torch.Generator
) -> Float[Tensor, "images channels height width"]:
    """Each image reflected or not, shifted (mirrored at the border), and each channel's contrast bent, at random."""
    count, channels, height, width = images.shape
    elements = random_elements(count, generator, (IDENTITY, REFLECTION), images.device)
    flipped = turn_each(images, elements)
    down, across = height // SHIFT, width // SHIFT
    if down and across:
        padded = functional.pad(flipped, (across, across, down, down), mode="reflect")
        tops = _integers(count, 2 * down + 1, generator).tolist()
        lefts = _integers(count, 2 * across + 1, generator).tolist()
        flipped = torch.stack(
            [
                image[:, top : top + height, left : left + width]
                for image, top, left in zip(padded, tops, lefts, strict=True)
            ]
        )
    draw = torch.rand(count, channels, 1, 1, generator=generator, device=generator.device).to(images)
    power = 1 + GAMMA * (2 * draw - 1)
    return flipped.sign() * flipped.abs().clamp(min=1e-6) ** power


def _integers(count: int, below: int, generator: torch.Generator) -> Tensor:
    return torch.randint(0, below, (count,), generator=generator, device=generator.device)


def symmetric_embedding(
    network: Any, batch: ImageBatch, elements: Sequence[int], *, block: int = -1
) -> Float[Tensor, "images width"]:
    """The mean embedding over turns and flips of each image, after a block of the encoder."""
    turned = (
        replace(batch, pixels=turn_each(batch.pixels, torch.full((batch.num_items,), element))) for element in elements
    )
    return torch.stack([network.embed(one, block=block) for one in turned]).mean(0)
