"""MAE: masked autoencoder over patches of all channels together.

    encoder: h = LN Transformer([class token, W patch_n + p_n for visible n])
    decoder: y = LN Transformer'(W' h, mask token for hidden n, + p'_n);  prediction_n = W'' y_n

Only visible patches go through the encoder. After pretraining the decoder is not used: `embed` is the mean over the tokens of
all patches.

Source: He et al. 2022 (arXiv 2111.06377); sizes, blocks and input as in Kraus et al. 2023 (arXiv 2309.16064).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.images.batch import ImageBatch
from hooke.images.spec import ImageSpec
from hooke.nn.attention import EPSILON
from hooke.nn.images.channels import in_order, require_channels, standardise
from hooke.nn.images.encoder import MaskedEncoder, PatchTokenEncoder
from hooke.nn.images.output import ImageOutput, Reconstruction
from hooke.nn.images.patch_encoder import NormPlace, PatchEncoder, TokenPooling
from hooke.nn.images.patches import patch_grid, patchify, unpatchify
from hooke.nn.images.positions import sine_positions
from hooke.nn.masking import Masking, mask_by_noise, put_back, take
from hooke.nn.transformer import BlockKind, Transformer, initialise


@dataclass(frozen=True)
class Config:
    """Sizes and choices of MAE."""

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
    decoder_width: int = 512
    decoder_depth: int = 8
    decoder_heads: int = 16


PRESETS: dict[str, Config] = {
    "tiny": Config(
        width=96, depth=4, heads=4, patch=8, layer_scale=0.1, stochastic_depth=0.0, decoder_width=64, decoder_depth=2,
        decoder_heads=4,
    ),
    "tiny_16": Config(
        width=96, depth=4, heads=4, patch=16, layer_scale=0.1, stochastic_depth=0.0, decoder_width=64, decoder_depth=2,
        decoder_heads=4,
    ),
    "small_16": Config(),
    "small_8": Config(patch=8),
    "base_16": Config(width=768, heads=12),
    "base_8": Config(width=768, heads=12, patch=8),
    "large_16": Config(width=1024, depth=24, heads=16, stochastic_depth=0.3),
    "large_8": Config(width=1024, depth=24, heads=16, patch=8, stochastic_depth=0.3),
    "giant_16": Config(width=1664, depth=48, heads=16, mlp_ratio=64 / 13, stochastic_depth=0.6),
    "giant_8": Config(width=1664, depth=48, heads=16, patch=8, mlp_ratio=64 / 13, stochastic_depth=0.6),
}  # fmt: skip


class Decoder(nn.Module):
    """From visible tokens to the pixels of all patches."""

    def __init__(self, config: Config, pixels: int) -> None:
        super().__init__()
        self.width = config.decoder_width
        self.project = nn.Linear(config.width, config.decoder_width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, config.decoder_width))
        self.transformer = Transformer(config.decoder_width, config.decoder_depth, config.decoder_heads)
        self.norm = nn.LayerNorm(config.decoder_width, eps=EPSILON)
        self.predict = nn.Linear(config.decoder_width, pixels)
        initialise(self)
        nn.init.normal_(self.mask_token, std=0.02)

    def forward(
        self,
        tokens: Float[Tensor, "images tokens width"],
        learned: int,
        masking: Masking,
        grid: tuple[int, int],
        *,
        whole: bool,
    ) -> Float[Tensor, "images patches pixels"]:
        """The predicted patches, all or the hidden ones; the first `learned` tokens are class tokens."""
        tokens = self.project(tokens)
        places = sine_positions(grid, self.width, device=tokens.device, dtype=tokens.dtype)
        patches = put_back(tokens[:, learned:], self.mask_token, masking) + places
        tokens = torch.cat([tokens[:, :learned], patches], dim=1)
        told = (
            self.transformer(tokens)[:, learned:] if whole else self.transformer.some(tokens, masking.covered + learned)
        )
        return self.predict(self.norm(told))


class Model(MaskedEncoder, PatchTokenEncoder):
    """Masked autoencoder.

    Args:
        config: Sizes and choices.
        spec: Its channels are those that it takes, in the order of its weights.
    """

    tail = ("encoder.final_norm", "decoder")

    def __init__(self, config: Config, spec: ImageSpec) -> None:
        super().__init__()
        self.channels, self.patch = require_channels(spec.channels), config.patch
        self.width, self.blocks = config.width, config.depth
        pixels = len(self.channels) * config.patch**2
        self.encoder = PatchEncoder(config, pixels)
        self.decoder = Decoder(config, pixels)

    def _images(self, batch: ImageBatch) -> Float[Tensor, "images channels height width"]:
        return standardise(in_order(batch, self.channels), self.encoder.dtype)

    def forward(self, batch: ImageBatch, *, block: int = -1) -> ImageOutput:
        """Represent whole images, after block `block` (1 ..., or negative from the end)."""
        images = self._images(batch)
        return self.encoder.output(patchify(images, self.patch), patch_grid(images.shape[2:], self.patch), block=block)

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
        images = self._images(batch)
        grid = patch_grid(images.shape[2:], self.patch)
        patches, masking = patchify(images, self.patch), mask_by_noise(noise, ratio)
        tokens = self.encoder(patches, grid, masking=masking)
        prediction = self.decoder(tokens, self.encoder.learned, masking, grid, whole=whole)
        if not whole:
            target = take(patches, masking.covered)
            hidden = torch.ones(target.shape[:2], dtype=torch.bool, device=target.device)
            return Reconstruction(prediction, target, hidden, None, None, self.channels)
        return Reconstruction(
            prediction, patches, masking.hidden, unpatchify(prediction, grid, self.patch), images, self.channels
        )
