"""Damaged images for group masked model learning (GMML), and the mask that says where.

1. Rectangles of random place and size are damaged until the damaged share of the image reaches its target, which is uniform in
   [min(1/2, most), most]. Sides are uniform in [align, 0.3 × side of the image], starts are multiples of align.
2. Damage is zeros, noise, or pixels from elsewhere in the same image.
3. With probability `replace` an image gets blocks from another image of the batch instead; its first damage is undone.

The mask is true exactly for the pixels that were damaged.

Source: Atito et al. 2021 (arXiv 2104.03602) and its second version; facts of the public code, no code of it.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hooke.core.errors import UsageError

Fill = Literal["zeros", "noise", "elsewhere"]
LARGEST_SIDE = 0.3


def rectangles(
    height: int, width: int, most: float, align: int, generator: np.random.Generator
) -> list[tuple[int, int, int, int]]:
    """(top, left, height, width) of rectangles that cover at least the target share of the image.

    Raises:
        UsageError: A share outside (0, 1), or alignment larger than the image.
    """
    if not 0 < most < 1 or not 1 <= align <= min(height, width):
        raise UsageError(
            f"corruption needs a share in (0, 1) and an alignment of 1 to {min(height, width)} pixels, got {most} and {align}"
        )
    target = generator.uniform(min(0.5, most), most) * height * width
    covered = np.zeros((height, width), bool)
    found = []
    while covered.sum() < target:
        down = int(generator.integers(align, max(align, int(LARGEST_SIDE * height)) + 1))
        across = int(generator.integers(align, max(align, int(LARGEST_SIDE * width)) + 1))
        top = int(generator.integers(0, height - down + 1)) // align * align
        left = int(generator.integers(0, width - across + 1)) // align * align
        covered[top : top + down, left : left + across] = True
        found.append((top, left, down, across))
    return found


def corrupt(
    images: Float[Tensor, "images channels height width"],
    generator: torch.Generator,
    *,
    most: float = 0.5,
    align: int = 1,
    fill: Fill = "zeros",
    replace: float = 0.5,
    replace_most: float = 0.3,
) -> tuple[Float[Tensor, "images channels height width"], Bool[Tensor, "images height width"]]:
    """Damaged copies, and where they are damaged.

    Args:
        images: Standardised images.
        generator: Source of all that is random.
        most: Largest share that is damaged.
        align: Grid of the rectangles' starts, in pixels.
        fill: What the damage is.
        replace: Probability that an image gets blocks of another one instead.
        replace_most: Largest share of such blocks.
    """
    seed = int(torch.randint(0, 2**31 - 1, (), generator=generator, device=generator.device))
    draws = np.random.default_rng(seed)
    count, channels, height, width = images.shape
    source = np.arange(count * height * width).reshape(count, height, width)  # the pixel that each pixel shows
    places = source.copy()
    mask = np.zeros((count, height, width), bool)
    blank = np.zeros((count, height, width), bool)
    noise = np.zeros((count, channels, height, width), np.float32) if fill == "noise" else None
    for row in range(count):
        foreign = count > 1 and draws.random() < replace
        other = (row + int(draws.integers(1, count))) % count if foreign else row
        for top, left, down, across in rectangles(height, width, replace_most if foreign else most, align, draws):
            block = (row, slice(top, top + down), slice(left, left + across))
            mask[block] = True
            if foreign:
                source[block] = places[other, top : top + down, left : left + across]
            elif fill == "elsewhere":
                up, side = int(draws.integers(0, height - down + 1)), int(draws.integers(0, width - across + 1))
                source[block] = places[row, up : up + down, side : side + across]
            else:
                blank[block] = True
                if noise is not None:
                    noise[row, :, *block[1:]] = draws.standard_normal((channels, down, across))
    pixels = images.permute(0, 2, 3, 1).reshape(-1, channels)
    taken = torch.from_numpy(source.reshape(-1)).to(images.device)
    damaged = pixels[taken].view(count, height, width, channels).permute(0, 3, 1, 2).contiguous()
    if blank.any():
        filling = torch.zeros(()) if noise is None else torch.from_numpy(noise)
        damaged = torch.where(torch.from_numpy(blank)[:, None].to(images.device), filling.to(images), damaged)
    return damaged, torch.from_numpy(mask).to(images.device)
