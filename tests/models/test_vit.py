"""ViT: sizes of the literature, class tokens, rectangular images."""

from __future__ import annotations

import pytest
import torch

from hooke.images.spec import ImageSpec
from hooke.modalities.images.samples import SPEC, image_batch
from hooke.models import vit
from hooke.nn.contract import built

SIX = tuple("abcdef")


@pytest.mark.parametrize(
    ("preset", "millions"),
    [("small_16", 22), ("base_16", 86), ("base_8", 86), ("large_16", 304), ("large_8", 304), ("giant_8", 1860)],
)
def test_parameters_agree_with_the_literature(preset: str, millions: float) -> None:
    """22 M, 86 M and 304 M (arXiv 2309.16064); 1.86 G with the decoder of 25 M (arXiv 2411.02572)."""
    with torch.device("meta"):
        model = vit.Model(vit.PRESETS[preset], ImageSpec(SIX))
    found = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    if preset.startswith("giant"):
        found += 25
    assert abs(found / millions - 1) < (0.03 if preset.startswith("small") else 0.01)


@pytest.mark.parametrize("block", ["serial", "parallel"])
def test_a_standard_vit_by_formula(block: str) -> None:
    """12 d² a block, and the biases, norms, scales, patches and class token one by one."""
    config = vit.Config(width=64, depth=3, heads=4, patch=8, block=block, qkv_bias=True, qk_norm=False, layer_scale=0.1)
    model = vit.Model(config, ImageSpec(("a", "b")))
    each = 12 * 64**2 + (64 * 3 + 64 + 256 + 64) + (2 * 128 if block == "serial" else 128)
    each += 2 * 64 if block == "serial" else 64
    expected = 3 * each + (2 * 64 + 1) * 64 + 64 + 128
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


def test_rectangles_and_class_tokens() -> None:
    model = built(vit, SPEC, vit.Config(width=16, depth=2, heads=2, patch=8, class_tokens=3))
    output = model(image_batch(2, size=(16, 40)))
    assert output.grid == (2, 5)
    assert output.tokens.shape == (2, 13, 16)
    assert output.class_tokens == 3


def test_position_matters() -> None:
    model, batch = built(vit, SPEC), image_batch()
    other = image_batch()
    rolled = type(other)(batch.pixels.roll(8, 3), batch.channels, batch.rows)
    assert not torch.allclose(model.embed(rolled), model.embed(batch), atol=1e-4)
