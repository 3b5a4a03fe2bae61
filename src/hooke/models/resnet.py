"""ResNet: residual network of bottlenecks for any number of channels.

    x ← ReLU(S x + BN W₃ ReLU(BN W₂ ReLU(BN W₁ x))),  S the identity, or BN of a 1 × 1 convolution where sizes change

The stride of a stage sits in the 3 × 3 convolution W₂ ("ResNet v1.5"). Every bottleneck is a stage of its own for `block=` and for
augmentation inside the network; stage 1 is the stem.

Source: He et al. 2016 (arXiv 1512.03385).
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from hooke.images.spec import ImageSpec
from hooke.nn.images.feature_maps import FeatureMapEncoder, convolution, stem

_EXPANSION = 4


@dataclass(frozen=True)
class Config:
    """Sizes of ResNet."""

    depths: tuple[int, ...] = (3, 4, 6, 3)  # bottlenecks at each resolution
    width: int = 64  # of the stem; doubles with each resolution, the maps are four times as wide
    pooled_stem: bool = True  # halve the resolution once more before the first bottleneck


PRESETS: dict[str, Config] = {
    "tiny": Config(depths=(1, 1, 1), width=16, pooled_stem=False),
    "50": Config(),
    "101": Config(depths=(3, 4, 23, 3)),
}


class Bottleneck(nn.Module):
    """1 × 1, 3 × 3 and 1 × 1 convolutions, and the way around them."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = width * _EXPANSION
        self.layers = nn.Sequential(
            convolution(before, width, 1), nn.BatchNorm2d(width), nn.ReLU(),
            convolution(width, width, 3, stride=stride), nn.BatchNorm2d(width), nn.ReLU(),
            convolution(width, after, 1), nn.BatchNorm2d(after),
        )  # fmt: skip
        self.around = (
            nn.Identity()
            if stride == 1 and before == after
            else nn.Sequential(convolution(before, after, 1, stride=stride), nn.BatchNorm2d(after))
        )

    def forward(self, maps: Float[Tensor, "images before height width"]) -> Float[Tensor, "images after down across"]:
        """The maps after the bottleneck."""
        return (self.around(maps) + self.layers(maps)).relu()


class Model(FeatureMapEncoder):
    """ResNet encoder.

    Args:
        config: Sizes.
        spec: Its channels are those that it takes, in the order of its weights.
    """

    def __init__(self, config: Config, spec: ImageSpec) -> None:
        stages: list[nn.Module] = [stem(len(spec.channels), config.width, pooled=config.pooled_stem)]
        before = config.width
        for level, depth in enumerate(config.depths):
            for index in range(depth):
                stages.append(Bottleneck(before, config.width << level, 2 if level and not index else 1))
                before = (config.width << level) * _EXPANSION
        super().__init__(spec.channels, stages, before)
