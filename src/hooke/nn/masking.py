"""Random masks over the tokens of each image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hooke.core.errors import UsageError


@dataclass(frozen=True)
class Masking:
    """Which of N tokens are visible, item by item.

    Attributes:
        visible: (B, V) int64, the visible tokens in the order of their noise.
        covered: (B, N - V) int64, the hidden ones in that order.
        restore: (B, N) int64, the place of each token in [visible tokens, hidden tokens].
        hidden: (B, N) bool.
    """

    visible: Int[Tensor, "items visible"]
    covered: Int[Tensor, "items covered"]
    restore: Int[Tensor, "items tokens"]
    hidden: Bool[Tensor, "items tokens"]


def visible_count(tokens: int, ratio: float) -> int:
    """Tokens that stay visible: ⌊N (1 - ratio)⌋.

    Raises:
        UsageError: Nothing would be visible, or nothing hidden.
    """
    count = int(tokens * (1 - ratio) + 1e-9)
    if not 0 < count < tokens:
        raise UsageError(f"a mask ratio of {ratio} leaves {count} of {tokens} tokens visible; choose one nearer to 0.5")
    return count


def mask_by_noise(noise: Float[Tensor, "items tokens"], ratio: float) -> Masking:
    """The tokens with the least noise stay visible, independently in each item."""
    count = visible_count(noise.shape[1], ratio)
    order = noise.argsort(dim=1, stable=True)
    restore = order.argsort(dim=1)
    return Masking(order[:, :count], order[:, count:], restore, restore >= count)


def random_noise(
    items: int, tokens: int, generator: torch.Generator, device: torch.device | str
) -> Float[Tensor, "items tokens"]:
    """Uniform noise from an explicit generator, on the device of the images."""
    drawn = torch.rand(items, tokens, generator=generator, device=generator.device)
    return drawn.to(device)


def take(tokens: Tensor, index: Int[Tensor, "items chosen"]) -> Tensor:
    """(B, N, D) → (B, K, D), the chosen tokens of each item."""
    return tokens.gather(1, index[:, :, None].expand(-1, -1, tokens.shape[2]))


def put_back(
    visible: Float[Tensor, "items visible width"], mask_token: Float[Tensor, "1 1 width"], masking: Masking
) -> Float[Tensor, "items tokens width"]:
    """All tokens in their own order, with the mask token in place of the hidden ones."""
    items, count, width = visible.shape
    missing = masking.restore.shape[1] - count
    return take(torch.cat([visible, mask_token.to(visible.dtype).expand(items, missing, width)], 1), masking.restore)
