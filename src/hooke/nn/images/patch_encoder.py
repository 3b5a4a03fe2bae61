"""`PatchEncoder`: patches → tokens → transformer → one row an image; what ViT, MAE, CA-MAE and SiT have in common.

With a mask only the visible patches are embedded and encoded. Positions are fixed and made for the grid at hand, so any image
size whose sides are multiples of the patch will do. One set of weights serves joint patches of all channels (one token a
place) and patches of single channels (one token a place and channel, at equal positions).
"""

from __future__ import annotations

import math
from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.core.errors import UsageError
from hooke.nn.attention import EPSILON
from hooke.nn.images.output import ImageOutput
from hooke.nn.images.patch_stem import ConvolutionalStem
from hooke.nn.images.positions import sine_positions
from hooke.nn.masking import Masking, take
from hooke.nn.transformer import BlockKind, Transformer, check_block, initialise

TokenPooling = Literal["mean", "class"]
ChannelPooling = Literal["mean", "class", "channels"]  # "channels": the owner takes one mean a channel
Stem = Literal["linear", "convolution"]
NormPlace = Literal["tokens", "pooled"]


@runtime_checkable
class EncoderSizes(Protocol):
    """The fields that the configs of all transformer encoders share."""

    @property
    def width(self) -> int:
        """Of the tokens."""

    @property
    def depth(self) -> int:
        """Blocks."""

    @property
    def heads(self) -> int:
        """Attention heads."""

    @property
    def patch(self) -> int:
        """Side of a patch in pixels."""

    @property
    def mlp_ratio(self) -> float:
        """Width of the MLP over the width of the tokens."""

    @property
    def block(self) -> BlockKind:
        """Kind of block."""

    @property
    def qkv_bias(self) -> bool:
        """Biases of queries, keys and values."""

    @property
    def qk_norm(self) -> bool:
        """Normalise queries and keys."""

    @property
    def layer_scale(self) -> float:
        """Start of the layer scales."""

    @property
    def stochastic_depth(self) -> float:
        """Probability of dropping the last block's update."""

    @property
    def class_tokens(self) -> int:
        """Learned tokens without a place."""

    @property
    def pooling(self) -> ChannelPooling:
        """From tokens to the embedding."""

    @property
    def norm(self) -> NormPlace:
        """Where the last layer norm acts."""


class PatchEncoder(nn.Module):
    """Transformer over patches.

    Args:
        config: Sizes and choices.
        pixels: Values in a patch.
        stem: From a patch to its token: one linear map, or `ConvolutionalStem` (patches of a single channel).

    Raises:
        UsageError: Pooling by a class token without one.
    """

    def __init__(self, config: EncoderSizes, pixels: int, stem: Stem = "linear") -> None:
        super().__init__()
        if config.pooling == "class" and config.class_tokens < 1:
            raise UsageError("pooling = 'class' needs class_tokens = 1 or more; or use pooling = 'mean'")
        self.pooling, self.norm_place, self.width, self.depth = (
            config.pooling, config.norm, config.width, config.depth,
        )  # fmt: skip
        linear = stem == "linear"
        self.patches = nn.Linear(pixels, config.width) if linear else nn.Identity()
        self.stem = None if linear else ConvolutionalStem(math.isqrt(pixels), config.width)
        self.class_tokens = nn.Parameter(torch.zeros(1, config.class_tokens, config.width))
        self.transformer = Transformer(
            config.width,
            config.depth,
            config.heads,
            mlp_ratio=config.mlp_ratio,
            kind=config.block,
            qkv_bias=config.qkv_bias,
            qk_norm=config.qk_norm,
            layer_scale=config.layer_scale,
            stochastic_depth=config.stochastic_depth,
        )
        self.final_norm = nn.LayerNorm(config.width, eps=EPSILON)
        initialise(self)
        nn.init.normal_(self.class_tokens, std=0.02)

    @property
    def dtype(self) -> torch.dtype:
        """The type of the weights, and of standardised pixels."""
        return self.class_tokens.dtype

    @property
    def learned(self) -> int:
        """How many class tokens stand before the patches."""
        return self.class_tokens.shape[1]

    def tokens(
        self,
        patches: Float[Tensor, "images patches pixels"],
        grid: tuple[int, int],
        *,
        masking: Masking | None = None,
        added: Float[Tensor, "images patches width"] | None = None,
    ) -> Float[Tensor, "images tokens width"]:
        """Class tokens and (visible) embedded patches with their positions, ready for the first block.

        The patches are those of one or several channels, one channel after another; what is `added` goes to their tokens.
        """
        places = sine_positions(grid, self.width, device=patches.device, dtype=self.dtype)
        places = places.repeat(patches.shape[1] // len(places), 1)
        embedded = self._embedded(patches, grid, masking) + (places if masking is None else places[masking.visible])
        if added is not None:
            embedded = embedded + (added if masking is None else take(added, masking.visible))
        return torch.cat([self.class_tokens.to(embedded.dtype).expand(len(patches), -1, -1), embedded], dim=1)

    def _embedded(
        self, patches: Float[Tensor, "images patches pixels"], grid: tuple[int, int], masking: Masking | None
    ) -> Float[Tensor, "images tokens width"]:
        if self.stem is not None:
            return self.stem(patches, grid, masking)
        return self.patches(patches if masking is None else take(patches, masking.visible))

    def forward(
        self,
        patches: Float[Tensor, "images patches pixels"],
        grid: tuple[int, int],
        *,
        masking: Masking | None = None,
        block: int = -1,
        added: Float[Tensor, "images patches width"] | None = None,
    ) -> Float[Tensor, "images tokens width"]:
        """Class tokens and (visible) patches after block `block`, normalised unless the norm acts on the pooled row."""
        last = check_block(block, self.depth)
        tokens = self.transformer(self.tokens(patches, grid, masking=masking, added=added), last=last)
        return self.final_norm(tokens) if self.norm_place == "tokens" else tokens

    def pool(self, tokens: Float[Tensor, "images tokens width"]) -> Float[Tensor, "images width"]:
        """One row an image: the mean of the patches, or the first class token."""
        pooled = tokens[:, 0] if self.pooling == "class" else tokens[:, self.learned :].mean(1)
        return self.final_norm(pooled) if self.norm_place == "pooled" else pooled

    def output(
        self,
        patches: Float[Tensor, "images patches pixels"],
        grid: tuple[int, int],
        *,
        block: int = -1,
        added: Float[Tensor, "images patches width"] | None = None,
    ) -> ImageOutput:
        """All that the encoder says of whole images."""
        tokens = self(patches, grid, block=block, added=added)
        return ImageOutput(self.pool(tokens), tokens, grid, self.learned)
