"""CA-MAE: channel-agnostic masked autoencoder; images of any channels, in any number and order.

    encoder: one token for each patch of each channel, by one shared W of a single-channel patch;
             h = Transformer([class token, W patch_cn + p_n for visible (c, n)]), no channel embedding
    decoder: t_cn = W' h_cn or the mask token, + p'_n + e_c
             x_c = CrossAttention(LN t_c, LN t_all);  x_c ← x_c + MLP(LN x_c);  x_c ← Transformer_c(x_c)
             prediction_cn = W'' x_cn

The mask runs over all channels' tokens jointly. Cross-attention and MLP are shared by the channels; e_c and Transformer_c
belong to a channel by its name, so a subset of channels, or channels that the input lacks, can be decoded. Embedding: mean over
all tokens, or over each channel's own, one mean after another; neither depends on the order of the channels.

Source: Kraus et al. 2024 (arXiv 2404.10242); details as in the public OpenPhenom release.
Differs from the release: rectangular images, training with any subset of the decoder's channels; a convolutional stem and
`models.ca_mae` as options.

`Levels`: how bright and how varied each channel was before it was standardised, given back to the channel's tokens.

    t_cn ← t_cn + W clip(norm([log mean x_c, log std x_c]), ±4)

`standardise` makes images comparable and takes out how much stain there was, which is what many perturbations change. norm is a batch
norm without weights, shared by all channels. Mean and deviation are in parts of the full scale of integer pixels, so that 8 and 16 bits
come out alike; floating-point pixels are taken as they are.

Source: Hooke's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Shaped
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import UsageError
from hooke.core.options import later
from hooke.images.batch import ImageBatch
from hooke.images.spec import ImageSpec
from hooke.nn.attention import EPSILON, CrossAttention
from hooke.nn.images.channels import positions, require_channels, standardise
from hooke.nn.images.encoder import MaskedEncoder, PatchTokenEncoder
from hooke.nn.images.output import ImageOutput, Reconstruction
from hooke.nn.images.patch_encoder import ChannelPooling, NormPlace, PatchEncoder, Stem
from hooke.nn.images.patches import channel_images, channel_patches, patch_grid
from hooke.nn.images.positions import sine_positions
from hooke.nn.masking import Masking, mask_by_noise, put_back, take
from hooke.nn.transformer import BlockKind, Transformer, initialise

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


@dataclass(frozen=True)
class Config:
    """Sizes and choices of CA-MAE."""

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
    pooling: ChannelPooling = "mean"  # "channels": one mean a channel, side by side
    stem: Stem = "linear"  # from patch to token
    levels: bool = later(False)  # tokens know their channel's brightness and contrast before it was standardised
    norm: NormPlace = "pooled"  # the last layer norm: on the tokens, or on the pooled row
    decoder_width: int = 256
    decoder_depth: int = 2  # blocks of each channel's own stack
    decoder_heads: int = 16  # of the stacks
    cross_heads: int = 8  # of the cross-attention


PRESETS: dict[str, Config] = {
    "tiny": Config(
        width=96, depth=4, heads=4, patch=8, layer_scale=0.1, stochastic_depth=0.0, decoder_width=64, decoder_depth=1,
        decoder_heads=4, cross_heads=4,
    ),
    "tiny_stem": Config(
        width=64, depth=2, heads=2, patch=16, layer_scale=0.0, stochastic_depth=0.0, pooling="channels", stem="convolution",
        levels=True, decoder_width=64, decoder_depth=1, decoder_heads=4, cross_heads=4,
    ),
    "tiny_16": Config(
        width=96, depth=4, heads=4, patch=16, layer_scale=0.1, stochastic_depth=0.0, decoder_width=64, decoder_depth=1,
        decoder_heads=4, cross_heads=4,
    ),
    "small_16": Config(),
    "openphenom": Config(qkv_bias=True, decoder_depth=4),  # the public layouts; see nn.openphenom for the biases
    "openphenom_wide": Config(qkv_bias=True, decoder_width=512, decoder_depth=8),
    "base_16": Config(width=768, heads=12),
    "large_16": Config(width=1024, depth=24, heads=16, stochastic_depth=0.3, decoder_width=512, decoder_depth=4),
    "giant_16": Config(
        width=1664, depth=48, heads=16, mlp_ratio=64 / 13, stochastic_depth=0.6, decoder_width=512, decoder_depth=4
    ),
}  # fmt: skip


class Decoder(nn.Module):
    """From visible tokens of some channels to the pixels of wanted channels."""

    def __init__(self, config: Config, channels: tuple[str, ...]) -> None:
        super().__init__()
        width = self.width = config.decoder_width
        self.project = nn.Linear(config.width, width)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.channel_tokens = nn.Parameter(torch.zeros(len(channels), 1, width))
        self.query_norm = nn.LayerNorm(width, eps=EPSILON)
        self.context_norm = nn.LayerNorm(width, eps=EPSILON)
        self.cross_attention = CrossAttention(width, config.cross_heads)
        self.mlp_norm = nn.LayerNorm(width, eps=EPSILON)
        self.hidden = nn.Linear(width, 4 * width)
        self.out = nn.Linear(4 * width, width)
        self.stacks = nn.ModuleList(Transformer(width, config.decoder_depth, config.decoder_heads) for _ in channels)
        self.predict = nn.Linear(width, config.patch**2)
        initialise(self)
        nn.init.normal_(self.mask_token, std=0.02)
        nn.init.normal_(self.channel_tokens, std=0.02)

    def forward(
        self,
        visible: Float[Tensor, "images visible width"],
        masking: Masking,
        grid: tuple[int, int],
        present: Sequence[int],
        wanted: Sequence[int],
        *,
        whole: bool,
    ) -> Float[Tensor, "images patches pixels"]:
        """Predicted patches of the wanted channels, one channel after another.

        Args:
            visible: Encoded visible patches, without class tokens.
            masking: The mask over the patches of the channels of the input.
            grid: Patches down and across.
            present: The number of each channel of the input.
            wanted: The number of each channel to decode; those not in the input are predicted from the others alone.
            whole: Predict all patches, or only the hidden ones (of the channels of the input, in their order).
        """
        known = put_back(self.project(visible), self.mask_token, masking)
        places = sine_positions(grid, self.width, device=known.device, dtype=known.dtype)
        absent = [channel for channel in wanted if channel not in present]
        held = [*present, *absent]
        empty = self.mask_token.to(known.dtype).expand(len(known), len(absent) * len(places), -1)
        tokens = torch.cat([known, empty], dim=1).unflatten(1, (len(held), len(places)))
        tokens = tokens + places + self.channel_tokens[held].to(known.dtype)
        chosen = tokens[:, [held.index(channel) for channel in wanted]]
        states = self.cross_attention(self.query_norm(chosen.flatten(1, 2)), self.context_norm(tokens.flatten(1, 2)))
        states = states + self.out(functional.gelu(self.hidden(self.mlp_norm(states))))
        parts = states.unflatten(1, (len(wanted), len(places))).unbind(1)
        stacked = [self.stacks[channel](part) for channel, part in zip(wanted, parts, strict=True)]
        states = torch.cat(stacked, dim=1)
        return self.predict(states if whole else take(states, masking.covered))


class Model(MaskedEncoder, PatchTokenEncoder):
    """Channel-agnostic masked autoencoder.

    Args:
        config: Sizes and choices.
        spec: Its channels are those that the decoder knows; the encoder takes any.
    """

    agnostic = True
    tail = ("encoder.final_norm", "decoder")

    def __init__(self, config: Config, spec: ImageSpec) -> None:
        super().__init__()
        self.channels, self.patch = require_channels(spec.channels), config.patch
        self.by_channel, self.blocks = config.pooling == "channels", config.depth
        self._token_width = config.width
        self.width = self.width_of(self.channels)
        self.encoder = PatchEncoder(config, config.patch**2, config.stem)
        self.levels = Levels(config.width) if config.levels else None
        self.decoder = Decoder(config, self.channels)

    def width_of(self, channels: Sequence[str]) -> int:
        """Numbers in an embedding of these channels; each has its own with pooling "channels"."""
        return self._token_width * (len(channels) if self.by_channel else 1)

    def forward(self, batch: ImageBatch, *, block: int = -1) -> ImageOutput:
        """Represent whole images, after block `block` (1 ..., or negative from the end)."""
        images = standardise(batch.pixels, self.encoder.dtype)
        grid = patch_grid(images.shape[2:], self.patch)
        levels = self._levels(batch, grid)
        output = self.encoder.output(channel_patches(images, self.patch), grid, block=block, added=levels)
        if not self.by_channel:
            return output
        rows = self._channel_means(output, len(batch.channels))[:, self._in_order(batch.channels)]
        return replace(output, embedding=rows.flatten(1))

    def _levels(self, batch: ImageBatch, grid: tuple[int, int]) -> Float[Tensor, "images patches width"] | None:
        return None if self.levels is None else self.levels(batch.pixels, grid[0] * grid[1])

    def _in_order(self, channels: Sequence[str]) -> list[int]:
        """Places of the channels: those of the decoder in its order, then others by name."""
        known = {name: place for place, name in enumerate(self.channels)}
        return sorted(range(len(channels)), key=lambda place: (known.get(channels[place], len(known)), channels[place]))

    def embed_channels(self, batch: ImageBatch, *, block: int = -1) -> Float[Tensor, "images channels width"]:
        """One row a channel of each image: the mean over the patches of that channel in the company of the others."""
        return self._channel_means(self.forward(batch, block=block), len(batch.channels))

    def _channel_means(self, output: ImageOutput, channels: int) -> Float[Tensor, "images channels width"]:
        means = output.tokens[:, output.class_tokens :].unflatten(1, (channels, -1)).mean(2)
        return self.encoder.final_norm(means) if self.encoder.norm_place == "pooled" else means

    def maskable(self, batch: ImageBatch) -> int:
        """How many patches of an image can be masked, those of all channels counted."""
        return len(batch.channels) * super().maskable(batch)

    def reconstruct(
        self,
        batch: ImageBatch,
        noise: Float[Tensor, "images patches"],
        ratio: float,
        *,
        decode: Sequence[str] | None = None,
        whole: bool = True,
    ) -> Reconstruction:
        """Hide a share of all channels' patches, those with the most noise, and predict them.

        Args:
            batch: Images.
            noise: One number a patch, channel after channel.
            ratio: Share of patches to hide.
            decode: Channels to predict, those of the batch without it. Of channels that the batch lacks the target is
                NaN and every patch counts as hidden.
            whole: Predict visible patches too, and lay all of them out as an image; without it only what the loss needs.

        Raises:
            UnknownNameError: The decoder does not know a channel.
            UsageError: No channel, or one twice; or chosen channels without `whole`.
        """
        wanted = batch.channels if decode is None else tuple(decode)
        if not wanted or len(set(wanted)) < len(wanted):
            raise UsageError(f"decode must name one or more different channels, got {list(wanted)}")
        if not whole and wanted != batch.channels:
            raise UsageError("channels to decode can only be chosen with whole=True")
        images = standardise(batch.pixels, self.encoder.dtype)
        grid = patch_grid(images.shape[2:], self.patch)
        patches, masking = channel_patches(images, self.patch), mask_by_noise(noise, ratio)
        levels = self._levels(batch, grid)
        tokens = self.encoder(patches, grid, masking=masking, added=levels)[:, self.encoder.learned :]
        present, chosen = positions(batch.channels, self.channels), positions(wanted, self.channels)
        prediction = self.decoder(tokens, masking, grid, present, chosen, whole=whole)
        if not whole:
            target = take(patches, masking.covered)
            hidden = torch.ones(target.shape[:2], dtype=torch.bool, device=target.device)
            return Reconstruction(prediction, target, hidden, None, None, wanted)
        target, hidden = patches, masking.hidden
        if wanted != batch.channels:
            target, hidden = self._of_channels(patches, masking, batch.channels, wanted)
        return Reconstruction(
            prediction,
            target,
            hidden,
            channel_images(prediction, len(wanted), grid, self.patch),
            channel_images(target, len(wanted), grid, self.patch),
            wanted,
        )

    @staticmethod
    def _of_channels(
        patches: Tensor, masking: Masking, present: tuple[str, ...], wanted: tuple[str, ...]
    ) -> tuple[Tensor, Tensor]:
        """Targets and mask of the wanted channels."""
        by_channel = patches.unflatten(1, (len(present), -1))
        hidden = masking.hidden.unflatten(1, (len(present), -1))
        nothing = torch.full_like(by_channel[:, 0], torch.nan)
        targets = [by_channel[:, present.index(name)] if name in present else nothing for name in wanted]
        masks = [
            hidden[:, present.index(name)] if name in present else torch.ones_like(hidden[:, 0]) for name in wanted
        ]
        return torch.cat(targets, 1), torch.cat(masks, 1)
