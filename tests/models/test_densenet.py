"""DenseNet: sizes of the literature, and one layer written out."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from hooke.images.spec import ImageSpec
from hooke.modalities.images.samples import SPEC
from hooke.models import densenet
from hooke.nn.contract import built


@pytest.mark.parametrize(("preset", "width", "with_classifier"), [("121", 1024, 7_978_856), ("161", 2208, 28_681_000)])
def test_parameters_agree_with_the_literature(preset: str, width: int, with_classifier: int) -> None:
    with torch.device("meta"):
        model = densenet.Model(densenet.PRESETS[preset], ImageSpec(("r", "g", "b")))
    assert model.width == width
    assert sum(p.numel() for p in model.parameters()) + width * 1000 + 1000 == with_classifier


def test_a_layer_written_out() -> None:
    layer = built(densenet, SPEC).stages[1][0]
    maps = torch.randn(2, 24, 6, 6, generator=torch.Generator().manual_seed(0)).double()

    def active(rows: torch.Tensor, norm: torch.nn.BatchNorm2d) -> torch.Tensor:
        return ((rows - norm.running_mean[:, None, None]) / (norm.running_var[:, None, None] + norm.eps).sqrt()).relu()

    hidden = functional.conv2d(active(maps, layer.layers[0]), layer.layers[2].weight)
    new = functional.conv2d(active(hidden, layer.layers[3]), layer.layers[5].weight, padding=1)
    torch.testing.assert_close(layer(maps), torch.cat([maps, new], 1))
