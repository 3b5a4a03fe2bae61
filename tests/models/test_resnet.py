"""ResNet: sizes of the literature, and one bottleneck written out."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from hooke.images.spec import ImageSpec
from hooke.modalities.images.samples import SPEC
from hooke.models import resnet
from hooke.nn.contract import built


@pytest.mark.parametrize(("preset", "with_classifier"), [("50", 25_557_032), ("101", 44_549_160)])
def test_parameters_agree_with_the_literature(preset: str, with_classifier: int) -> None:
    with torch.device("meta"):
        model = resnet.Model(resnet.PRESETS[preset], ImageSpec(("r", "g", "b")))
    assert sum(p.numel() for p in model.parameters()) + 2048 * 1000 + 1000 == with_classifier
    assert model.blocks == 1 + sum(resnet.PRESETS[preset].depths)
    assert model.width == 2048


def test_a_bottleneck_written_out() -> None:
    block = built(resnet, SPEC).stages[2]
    maps = torch.randn(2, 64, 8, 8, generator=torch.Generator().manual_seed(0)).double()

    def norm(rows: torch.Tensor, layer: torch.nn.BatchNorm2d) -> torch.Tensor:
        scale = layer.weight / (layer.running_var + layer.eps).sqrt()
        return (rows - layer.running_mean[:, None, None]) * scale[:, None, None] + layer.bias[:, None, None]

    layers = block.layers
    rows = norm(functional.conv2d(maps, layers[0].weight), layers[1]).relu()
    rows = norm(functional.conv2d(rows, layers[3].weight, stride=2, padding=1), layers[4]).relu()
    rows = norm(functional.conv2d(rows, layers[6].weight), layers[7])
    around = norm(functional.conv2d(maps, block.around[0].weight, stride=2), block.around[1])
    torch.testing.assert_close(block(maps), (rows + around).relu())
