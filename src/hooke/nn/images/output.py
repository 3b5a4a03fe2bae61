"""What image encoders return: `ImageOutput`, and `Reconstruction` from the masked ones."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class ImageOutput:
    """Representations of `B` images.

    Attributes:
        embedding: (B, width), one row an image.
        tokens: (B, T, width), one row a place: learned tokens first, then patches row by row (channel after channel in
            channel-agnostic encoders), or the places of a feature map.
        grid: Places down and across.
        class_tokens: How many of the tokens are learned ones without a place.
    """

    embedding: Float[Tensor, "images width"]
    tokens: Float[Tensor, "images tokens token_width"]
    grid: tuple[int, int]
    class_tokens: int = 0


@dataclass(frozen=True)
class Reconstruction:
    """Reconstructed and true patches of standardised images.

    Attributes:
        prediction: (B, N, pixels) of all patches, visible ones too; of the hidden ones alone without `whole`.
        target: (B, N, pixels) of the same patches.
        hidden: (B, N) bool, which of these patches were hidden from the encoder.
        image: (B, C, H, W) the prediction as an image; None without `whole`.
        target_image: (B, C, H, W) the standardised input; None without `whole`.
        channels: The names of the C channels.
    """

    prediction: Float[Tensor, "images patches pixels"]
    target: Float[Tensor, "images patches pixels"]
    hidden: Bool[Tensor, "images patches"]
    image: Float[Tensor, "images channels height width"] | None
    target_image: Float[Tensor, "images channels height width"] | None
    channels: tuple[str, ...]
