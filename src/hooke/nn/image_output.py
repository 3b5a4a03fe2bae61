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
        prediction: (B, N, pixels) of all patches, visible ones too.
        target: (B, N, pixels).
        hidden: (B, N) bool, which patches were hidden from the encoder.
        image: (B, C, H, W) the prediction as an image.
        target_image: (B, C, H, W) the standardised input.
        channels: The names of the C channels.
    """

    prediction: Float[Tensor, "images patches pixels"]
    target: Float[Tensor, "images patches pixels"]
    hidden: Bool[Tensor, "images patches"]
    image: Float[Tensor, "images channels height width"]
    target_image: Float[Tensor, "images channels height width"]
    channels: tuple[str, ...]
