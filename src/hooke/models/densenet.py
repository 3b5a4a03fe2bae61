"""DenseNet: every layer sees the maps of all layers before it, for any number of channels; the weakly supervised encoder.

    x ← [x, W₂ ReLU(BN W₁ ReLU(BN x))],  W₁ 1 × 1 to 4 g maps, W₂ 3 × 3 to g maps
    between dense blocks: half as many maps (1 × 1) and half the resolution (mean of 2 × 2)

Source: Huang et al. 2017 (arXiv 1608.06993); DenseNet-161 is g = 48 with (6, 12, 36, 24) layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.images.spec import ImageSpec
from hooke.nn.images.feature_maps import FeatureMapEncoder, convolution, stem

_BOTTLENECK = 4


@dataclass(frozen=True)
class Config:
    """Sizes of DenseNet."""

    growth: int = 48  # maps that a layer adds
    depths: tuple[int, ...] = (6, 12, 36, 24)  # layers of each dense block
    width: int = 96  # of the stem
    pooled_stem: bool = True  # halve the resolution once more before the first dense block


PRESETS: dict[str, Config] = {
    "tiny": Config(growth=12, depths=(2, 3, 3), width=24, pooled_stem=False),
    "121": Config(growth=32, depths=(6, 12, 24, 16), width=64),
    "161": Config(),
}


class DenseLayer(nn.Module):
    """Adds `growth` maps to its input."""

    def __init__(self, before: int, growth: int) -> None:
        super().__init__()
        hidden = _BOTTLENECK * growth
        self.layers = nn.Sequential(
            nn.BatchNorm2d(before), nn.ReLU(), convolution(before, hidden, 1),
            nn.BatchNorm2d(hidden), nn.ReLU(), convolution(hidden, growth, 3),
        )  # fmt: skip

    def forward(self, maps: Float[Tensor, "images before height width"]) -> Float[Tensor, "images after height width"]:
        """Old and new maps."""
        return torch.cat([maps, self.layers(maps)], dim=1)


def _transition(before: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(before), nn.ReLU(), convolution(before, before // 2, 1), nn.AvgPool2d(2))


class Model(FeatureMapEncoder):
    """DenseNet encoder; its stages are the stem, the dense blocks and the transitions, and a last normalisation.

    Args:
        config: Sizes.
        spec: Its channels are those that it takes, in the order of its weights.
    """

    def __init__(self, config: Config, spec: ImageSpec) -> None:
        stages: list[nn.Module] = [stem(len(spec.channels), config.width, pooled=config.pooled_stem)]
        width = config.width
        for level, depth in enumerate(config.depths):
            if level:
                stages.append(_transition(width))
                width //= 2
            layers = [DenseLayer(width + index * config.growth, config.growth) for index in range(depth)]
            stages.append(nn.Sequential(*layers))
            width += depth * config.growth
        stages.append(nn.Sequential(nn.BatchNorm2d(width), nn.ReLU()))
        super().__init__(spec.channels, stages, width)
