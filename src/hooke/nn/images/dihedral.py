"""The eight rotations and reflections of a square (the group D4), on images and feature maps.

Element k of 0 ... 7 is k mod 4 quarter turns (counter-clockwise), after a left-right reflection if k ≥ 4.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

from hooke.core.errors import UsageError

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
