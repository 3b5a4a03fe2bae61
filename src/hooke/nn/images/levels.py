"""`Levels`: how bright and how varied each channel was before it was standardised, given back to the channel's tokens.

    t_cn ← t_cn + W clip(norm([log mean x_c, log std x_c]), ±4)

`standardise` makes images comparable and takes out how much stain there was, which is what many perturbations change. norm is a batch
norm without weights, shared by all channels. Mean and deviation are in parts of the full scale of integer pixels, so that 8 and 16 bits
come out alike; floating-point pixels are taken as they are.

Source: Hooke's own.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn

FAINTEST = 1e-5  # parts of the full scale; below it a channel is empty
FARTHEST = 4.0  # deviations from the usual; a strange exposure must not drown the picture


class Levels(nn.Module):
    """See the module.

    Args:
        width: Of the tokens.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(2, affine=False)
        self.out = nn.Linear(2, width)

    def forward(
        self, pixels: Shaped[Tensor, "images channels height width"], patches: int
    ) -> Float[Tensor, "images tokens embedding"]:
        """What is added to the tokens of every channel, one channel after another.

        Args:
            pixels: As measured.
            patches: How many a channel has.
        """
        usual = self.norm(measured(pixels, self.out.weight.dtype).flatten(0, 1)).clamp(-FARTHEST, FARTHEST)
        return self.out(usual).unflatten(0, pixels.shape[:2]).repeat_interleave(patches, 1)


def measured(
    pixels: Shaped[Tensor, "images channels height width"], dtype: torch.dtype
) -> Float[Tensor, "images channels 2"]:
    """The logarithms of mean and standard deviation of each channel."""
    full = 1.0 if pixels.is_floating_point() else float(torch.iinfo(pixels.dtype).max)
    deviation, mean = torch.std_mean(pixels.to(dtype).flatten(2), dim=2, correction=0)
    return (torch.stack([mean, deviation], dim=2) / full).clamp(min=FAINTEST).log()
