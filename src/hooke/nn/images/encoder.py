"""`ImageEncoder`: what every image encoder is; `MaskedEncoder` and `PatchTokenEncoder`: what some of them are besides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from hooke.images.batch import ImageBatch
from hooke.nn.images.output import ImageOutput, Reconstruction
from hooke.nn.images.patch_encoder import PatchEncoder
from hooke.nn.images.patches import patch_grid


class ImageEncoder(nn.Module, ABC):
    """From images to one row an image; a file in `models/` has a subclass called `Model`, made of (config, spec).

    Attributes:
        modality: The kind of data.
        agnostic: Whether it takes any channels, in any number and order.
        gradient_exempt: Regular expression of parameter names → why they get no gradient from the embedding.
        stacks: Module lists that grow with depth, and
        tail: Modules after the last layer; see `nn.depth`.
        channels: Names of the channels that it was made for, in the order of its weights.
        width: Numbers in an embedding of the channels that it was made for.
        blocks: Number of blocks that `block=` can name.
    """

    modality: ClassVar[str] = "images"
    agnostic: ClassVar[bool] = False
    gradient_exempt: ClassVar[Mapping[str, str]] = MappingProxyType({})
    stacks: ClassVar[tuple[str, ...]] = ("encoder.transformer.blocks",)
    tail: ClassVar[tuple[str, ...]] = ("encoder.final_norm",)
    channels: tuple[str, ...]
    width: int
    blocks: int

    @abstractmethod
    def forward(self, batch: ImageBatch, *, block: int = -1) -> ImageOutput:
        """Represent the images of a batch, after block `block` (1 ..., or negative from the end)."""

    def embed(self, batch: ImageBatch, *, block: int = -1) -> Float[Tensor, "images width"]:
        """One row an image, after block `block`."""
        return self.forward(batch, block=block).embedding

    def width_of(self, channels: Sequence[str]) -> int:
        """Numbers in an embedding of these channels."""
        return self.width


class MaskedEncoder(ImageEncoder):
    """An encoder that predicts hidden patches of an image from the visible ones.

    Attributes:
        patch: Side of a patch in pixels.
        decoder: Serves reconstruction alone.
    """

    gradient_exempt: ClassVar[Mapping[str, str]] = MappingProxyType(
        {r"decoder\..*": "the decoder serves reconstruction alone"}
    )
    patch: int
    decoder: nn.Module

    def maskable(self, batch: ImageBatch) -> int:
        """How many patches of an image can be masked, which is the width of `noise`."""
        down, across = patch_grid(batch.pixels.shape[2:], self.patch)
        return down * across

    @abstractmethod
    def reconstruct(
        self, batch: ImageBatch, noise: Float[Tensor, "images patches"], ratio: float, *, whole: bool = True
    ) -> Reconstruction:
        """Hide a share of the patches, those with the most noise, and predict them.

        Args:
            batch: Images.
            noise: One number a patch.
            ratio: Share of patches to hide.
            whole: Predict visible patches too, and lay all of them out as an image; without it only what the loss needs.
        """


class PatchTokenEncoder(ImageEncoder):
    """An encoder whose tokens are patches.

    Attributes:
        patch: Side of a patch in pixels.
        encoder: The transformer over the patches: of all channels together, or of single channels where it is `agnostic`.
    """

    patch: int
    encoder: PatchEncoder
