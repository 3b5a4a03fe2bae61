"""`FeatureMapEncoder`: a chain of stages from an image to feature maps, and their mean as the embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from hooke.images.batch import ImageBatch
from hooke.nn.images.channels import in_order, require_channels, standardise
from hooke.nn.images.encoder import ImageEncoder
from hooke.nn.images.output import ImageOutput
from hooke.nn.transformer import check_block


class FeatureMapEncoder(ImageEncoder):
    """The frame of the convolutional encoders: standardise → stages → mean over places.

    Args:
        channels: Names of the channels that it takes, in the order of its weights.
        stages: Maps of (B, C, H, W) to (B, C', H', W'), in order.
        width: Channels after the last stage.
    """

    stacks: ClassVar[tuple[str, ...]] = ("stages",)
    tail: ClassVar[tuple[str, ...]] = ()

    def __init__(self, channels: tuple[str, ...], stages: Sequence[nn.Module], width: int) -> None:
        super().__init__()
        self.channels, self.width, self.blocks = require_channels(channels), width, len(stages)
        self.stages = nn.ModuleList(stages)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def images(self, batch: ImageBatch) -> Float[Tensor, "images channels height width"]:
        """The standardised input, channels in the order of the weights."""
        dtype = next(self.parameters()).dtype
        return standardise(in_order(batch, self.channels), dtype)

    def maps(
        self, images: Float[Tensor, "images channels height width"], *, first: int = 0, last: int | None = None
    ) -> Float[Tensor, "images maps down across"]:
        """The feature maps after stages first ... last - 1."""
        for stage in list(self.stages)[first:last]:
            images = stage(images)
        return images

    def output(self, maps: Float[Tensor, "images maps down across"]) -> ImageOutput:
        """Feature maps as embedding and tokens."""
        down, across = maps.shape[2:]
        return ImageOutput(maps.mean((2, 3)), maps.flatten(2).transpose(1, 2), (int(down), int(across)))

    def forward(self, batch: ImageBatch, *, block: int = -1) -> ImageOutput:
        """Represent the images of a batch, after stage `block` (1 ..., or negative from the end)."""
        return self.output(self.maps(self.images(batch), last=check_block(block, self.blocks)))


def convolution(before: int, after: int, kernel: int, *, stride: int = 1) -> nn.Conv2d:
    """A convolution without bias that keeps the size, but for its stride."""
    return nn.Conv2d(before, after, kernel, stride=stride, padding=kernel // 2, bias=False)


def stem(before: int, after: int, *, pooled: bool) -> nn.Sequential:
    """The first stage of ResNet and DenseNet: 7 × 7 convolution of stride 2, and pooling of stride 2 when `pooled`."""
    layers: list[nn.Module] = [convolution(before, after, 7, stride=2), nn.BatchNorm2d(after), nn.ReLU()]
    if pooled:
        layers.append(nn.MaxPool2d(3, stride=2, padding=1))
    return nn.Sequential(*layers)
