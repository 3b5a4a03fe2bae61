"""MU-net: a convolutional masked autoencoder in the shape of a U-Net.

    encoder: x_0 = W (visible pixels, learned value in hidden patches);  x_{l+1} = down(residual blocks(x_l))
    decoder: y_l = residual block([up(y_{l+1}), x_l]);  prediction = W' y_0

Hidden patches are squares over all channels, as in MAE. Normalisation is by groups within each image, so nothing depends on
the batch. Embedding: mean of the lowest maps.

Source: the idea and the name from Kraus et al. 2023 (arXiv 2309.16064).
Differs from the paper: the published network's layers and sizes are not public; this is a reconstruction of the idea.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import UsageError
from hooke.images.batch import ImageBatch
from hooke.images.spec import ImageSpec
from hooke.nn.images.encoder import MaskedEncoder
from hooke.nn.images.feature_maps import FeatureMapEncoder
from hooke.nn.images.output import Reconstruction
from hooke.nn.images.patches import patch_grid, patchify
from hooke.nn.masking import mask_by_noise

_GROUPS = 8


@dataclass(frozen=True)
class Config:
    """Sizes of MU-net."""

    width: int = 64  # maps at full resolution, a multiple of 8; doubles with each halving
    levels: int = 5  # resolutions
    depth: int = 2  # residual blocks a resolution
    patch: int = 16  # side of a hidden square in pixels


PRESETS: dict[str, Config] = {
    "tiny": Config(width=16, levels=4, depth=1, patch=8),
    "medium": Config(),
    "large": Config(width=96, depth=3),
}


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions with group normalisation, and the way around them."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.GroupNorm(min(_GROUPS, before), before), nn.GELU(), nn.Conv2d(before, after, 3, padding=1),
            nn.GroupNorm(_GROUPS, after), nn.GELU(), nn.Conv2d(after, after, 3, padding=1),
        )  # fmt: skip
        self.around = nn.Identity() if before == after else nn.Conv2d(before, after, 1)

    def forward(self, maps: Float[Tensor, "images before height width"]) -> Float[Tensor, "images after height width"]:
        """The maps after the block."""
        return self.around(maps) + self.layers(maps)


def _level(width: int, depth: int, entry: nn.Module) -> nn.Sequential:
    return nn.Sequential(entry, *[ResidualBlock(width, width) for _ in range(depth)])


class Decoder(nn.Module):
    """From the maps of all resolutions to the pixels."""

    def __init__(self, config: Config, channels: int) -> None:
        super().__init__()
        widths = [config.width << level for level in range(config.levels)]
        self.up = nn.ModuleList(nn.Conv2d(2 * width, width, 1) for width in widths[:-1])
        self.merge = nn.ModuleList(ResidualBlock(2 * width, width) for width in widths[:-1])
        self.predict = nn.Conv2d(config.width, channels, 1)

    def forward(self, levels: list[Tensor]) -> Float[Tensor, "images channels height width"]:
        """The predicted image; `levels` from full resolution to the lowest."""
        maps = levels[-1]
        for skip, up, merge in zip(levels[-2::-1], reversed(self.up), reversed(self.merge), strict=True):
            maps = functional.interpolate(up(maps), size=skip.shape[2:], mode="nearest")
            maps = merge(torch.cat([maps, skip], dim=1))
        return self.predict(maps)


class Model(MaskedEncoder, FeatureMapEncoder):
    """Masked U-Net.

    Args:
        config: Sizes.
        spec: Its channels are those that it takes, in the order of its weights.

    Raises:
        UsageError: The width is not a multiple of 8.
    """

    tail = ("decoder",)
    gradient_exempt = MappingProxyType(
        {**MaskedEncoder.gradient_exempt, r"mask_value": "nothing is masked when whole images are embedded"}
    )

    def __init__(self, config: Config, spec: ImageSpec) -> None:
        if config.width % _GROUPS or config.levels < 1:
            raise UsageError(
                f"mu_net needs a width that is a multiple of {_GROUPS} and one or more levels, got {config}"
            )
        entries: list[nn.Module] = [nn.Conv2d(len(spec.channels), config.width, 3, padding=1)]
        entries += [
            nn.Conv2d(config.width << (level - 1), config.width << level, 2, stride=2)
            for level in range(1, config.levels)
        ]
        stages = [_level(config.width << level, config.depth, entry) for level, entry in enumerate(entries)]
        super().__init__(spec.channels, stages, config.width << (config.levels - 1))
        self.patch, self.levels = config.patch, config.levels
        self.mask_value = nn.Parameter(torch.zeros(len(spec.channels), 1, 1))
        self.decoder = Decoder(config, len(spec.channels))

    def reconstruct(
        self, batch: ImageBatch, noise: Float[Tensor, "images patches"], ratio: float, *, whole: bool = True
    ) -> Reconstruction:
        """Hide a share of the patches, those with the most noise, and predict them.

        Args:
            batch: Images.
            noise: One number a patch.
            ratio: Share of patches to hide.
            whole: Return visible patches and the image too; the network computes them anyway.
        """
        images = self.images(batch)
        grid = patch_grid(images.shape[2:], self.patch)
        hidden = mask_by_noise(noise, ratio).hidden
        covered = hidden.view(-1, 1, *grid).repeat_interleave(self.patch, 2).repeat_interleave(self.patch, 3)
        maps, levels = torch.where(covered, self.mask_value, images), []
        for stage in self.stages:
            maps = stage(maps)
            levels.append(maps)
        image = self.decoder(levels)
        prediction, target = patchify(image, self.patch), patchify(images, self.patch)
        if whole:
            return Reconstruction(prediction, target, hidden, image, images, self.channels)
        only = [rows[hidden].unflatten(0, (len(rows), -1)) for rows in (prediction, target)]
        everywhere = torch.ones(only[0].shape[:2], dtype=torch.bool, device=image.device)
        return Reconstruction(only[0], only[1], everywhere, None, None, self.channels)
