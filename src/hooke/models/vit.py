"""ViT: vision transformer over patches of all channels together; the encoder of SiT, WSL and supervised training.

    tokens = [class tokens, W patch_n + p_n];  h = Transformer(tokens);  embedding = mean of the patches of LN h

Inputs are standardised channel by channel (`nn.images.channels`), positions are fixed sine-cosine ones, images may have any size
whose sides are multiples of the patch. SiT v1 wants two class tokens, one for the rotation and one for the contrast.

Source: Dosovitskiy et al. 2021 (arXiv 2010.11929); blocks of the presets as in Kraus et al. 2023 (arXiv 2309.16064).
Differs from the paper: fixed positions, mean over patches instead of the class token.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hooke.images.batch import ImageBatch
from hooke.images.spec import ImageSpec
from hooke.nn.images.channels import in_order, require_channels, standardise
from hooke.nn.images.encoder import PatchTokenEncoder
from hooke.nn.images.output import ImageOutput
from hooke.nn.images.patch_encoder import NormPlace, PatchEncoder, TokenPooling
from hooke.nn.images.patches import patch_grid, patchify
from hooke.nn.transformer import BlockKind


@dataclass(frozen=True)
class Config:
    """Sizes and choices of ViT."""

    width: int = 384  # of the tokens
    depth: int = 12  # blocks
    heads: int = 6
    patch: int = 16  # pixels
    mlp_ratio: float = 4.0
    block: BlockKind = "parallel"
    qkv_bias: bool = False
    qk_norm: bool = True
    layer_scale: float = 1e-4  # start of the learned scales; 0: none
    stochastic_depth: float = 0.1  # of the last block; rises from 0 with depth
    class_tokens: int = 1  # learned tokens without a place
    pooling: TokenPooling = "mean"
    norm: NormPlace = "tokens"  # the last layer norm: on the tokens, or on the pooled row


PRESETS: dict[str, Config] = {
    "tiny": Config(width=96, depth=4, heads=4, patch=8, layer_scale=0.1, stochastic_depth=0.0),
    "tiny_16": Config(width=96, depth=4, heads=4, patch=16, layer_scale=0.1, stochastic_depth=0.0),
    "small_16": Config(),
    "small_8": Config(patch=8),
    "base_16": Config(width=768, heads=12),
    "base_8": Config(width=768, heads=12, patch=8),
    "large_16": Config(width=1024, depth=24, heads=16, stochastic_depth=0.3),
    "large_8": Config(width=1024, depth=24, heads=16, patch=8, stochastic_depth=0.3),
    "giant_16": Config(width=1664, depth=48, heads=16, mlp_ratio=64 / 13, stochastic_depth=0.6),
    "giant_8": Config(width=1664, depth=48, heads=16, patch=8, mlp_ratio=64 / 13, stochastic_depth=0.6),
}


class Model(PatchTokenEncoder):
    """Vision transformer.

    Args:
        config: Sizes and choices.
        spec: Its channels are those that it takes, in the order of its weights.
    """

    def __init__(self, config: Config, spec: ImageSpec) -> None:
        super().__init__()
        self.channels, self.patch = require_channels(spec.channels), config.patch
        self.width, self.blocks = config.width, config.depth
        self.encoder = PatchEncoder(config, len(self.channels) * config.patch**2)

    def patches(self, batch: ImageBatch) -> tuple[Float[Tensor, "images patches pixels"], tuple[int, int]]:
        """The standardised patches of a batch, and their grid."""
        images = standardise(in_order(batch, self.channels), self.encoder.dtype)
        return patchify(images, self.patch), patch_grid(images.shape[2:], self.patch)

    def forward(self, batch: ImageBatch, *, block: int = -1) -> ImageOutput:
        """Represent the images of a batch, after block `block` (1 ..., or negative from the end)."""
        return self.encoder.output(*self.patches(batch), block=block)
