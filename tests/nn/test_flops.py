from __future__ import annotations

import pytest
import torch
from torch import nn

from hooke.images.batch import meta_batch
from hooke.images.spec import ImageSpec
from hooke.models import ca_mae, densenet, resnet, vit
from hooke.nn.flops import count_flops, kept_bytes
from hooke.nn.images.fork import BRANCHES, fork, fork_flops, stage_flops

CHANNELS = ("a", "b", "c")


def test_a_linear_layer_and_attention() -> None:
    with torch.device("meta"):
        layer, rows = nn.Linear(30, 50), torch.empty(7, 30)
    assert count_flops(lambda: layer(rows)) == 2 * 7 * 30 * 50


@pytest.mark.parametrize("module", [vit, ca_mae, resnet, densenet])
def test_stages_add_up_and_forks_cost_what_the_formula_says(module: object) -> None:
    with torch.device("meta"):
        model = module.Model(module.PRESETS["tiny"], ImageSpec(CHANNELS))
    batch = meta_batch(2, CHANNELS, 32)
    counts = stage_flops(model, batch)
    assert sum(counts) == count_flops(lambda: model.embed(batch))
    for stage in (0, 1, 3):
        assert count_flops(lambda at=stage: fork(model, batch, BRANCHES["dihedral"], at)) == fork_flops(
            counts, 8, stage
        )
    assert fork_flops(counts, 2, 0) == 2 * sum(counts)


def test_the_flops_of_a_transformer_by_hand() -> None:
    """12 d² N for the products of a block's weights, 2 N² d for attention, times two for multiply and add."""
    config = vit.Config(width=32, depth=3, heads=4, patch=8, class_tokens=1)
    with torch.device("meta"):
        model = vit.Model(config, ImageSpec(CHANNELS))
    tokens, pixels = 16 + 1, 3 * 64
    by_hand = 2 * (16 * pixels * 32 + 3 * (12 * 32 * 32 * tokens + 2 * tokens * tokens * 32))
    assert count_flops(lambda: model.embed(meta_batch(1, CHANNELS, 32))) == by_hand


def test_kept_bytes() -> None:
    with torch.device("meta"):
        layers, rows = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4)), torch.empty(10, 8)
    assert kept_bytes(lambda: layers(rows), layers) == 4 * (10 * 8 + 10 * 16)
