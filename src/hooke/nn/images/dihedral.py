"""The eight rotations and reflections of a square (the group D4), on images and feature maps.

Element k of 0 ... 7 is k mod 4 quarter turns (counter-clockwise), after a left-right reflection if k ≥ 4.

Views of images: random ones for contrastive learning (shifts, reflections, contrast), and all turns of each for an embedding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from hooke.core.errors import UsageError
from hooke.images.batch import ImageBatch

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


IDENTITY, REFLECTION = 0, 4
ALL = tuple(range(8))
ROTATIONS = tuple(range(4))
FLIPS = (0, 4, 2, 6)  # nothing, left-right, both, up-down: they keep height and width


def turn(images: Tensor, element: int) -> Tensor:
    """(..., H, W) images turned by one element of the group.

    Raises:
        UsageError: There is no such element.
    """
    if not 0 <= element < 8:
        raise UsageError(f"an element of D4 is a number from 0 to 7, got {element}")
    if images.dtype == torch.uint16:  # torch does not flip unsigned 16-bit numbers; their bits are as good
        return turn(images.view(torch.int16), element).view(torch.uint16)
    flipped = images.flip(-1) if element >= 4 else images
    return torch.rot90(flipped, element % 4, (-2, -1)) if element % 4 else flipped


def inverse(element: int) -> int:
    """The element that undoes another one."""
    return element if element >= 4 else -element % 4


def turn_each(images: Tensor, elements: Int[Tensor, " images"]) -> Tensor:
    """Each image turned by an element of its own.

    Raises:
        UsageError: A quarter turn of images that are not square.
    """
    if images.shape[-1] != images.shape[-2] and bool((elements % 2 == 1).any()):
        raise UsageError(
            f"quarter turns need square images, got {images.shape[-2]} x {images.shape[-1]}; use flips alone, or crop"
        )
    order, parts = [], []
    for element in torch.unique(elements).tolist():
        chosen = (elements == element).nonzero()[:, 0]
        order.append(chosen)
        parts.append(turn(images[chosen], element))
    return torch.cat(parts)[torch.cat(order).argsort()] if parts else images


def random_elements(
    count: int, generator: torch.Generator, among: Sequence[int], device: torch.device | str
) -> Int[Tensor, " images"]:
    """One element of `among` for each image, uniformly, from an explicit generator."""
    drawn = torch.randint(0, len(among), (count,), generator=generator, device=generator.device)
    return torch.tensor(list(among), device=generator.device)[drawn].to(device)
