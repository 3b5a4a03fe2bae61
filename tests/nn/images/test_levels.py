"""Levels: what standardisation takes out of a channel comes back, alike for 8 and 16 bits, and never without bound."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from hooke.images.batch import ImageBatch, image_batch
from hooke.images.spec import ImageSpec
from hooke.models import ca_mae
from hooke.models.ca_mae import FAINTEST, FARTHEST, Levels, measured

CHANNELS = ("DNA", "ER", "Mito")
CONFIG = replace(ca_mae.PRESETS["tiny_stem"], width=32, depth=1, heads=1)


def pixels(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 250, (4, 3, 32, 48)).astype(np.uint8)


def batch(values: np.ndarray, channels: tuple[str, ...] = CHANNELS) -> ImageBatch:
    return image_batch(values, channels, np.arange(len(values)))


def test_it_measures_mean_and_deviation_of_each_channel() -> None:
    values = pixels()
    found = measured(torch.from_numpy(values), torch.float64).numpy()
    expected = np.log(np.stack([values.mean((2, 3)), values.std((2, 3))], axis=2) / 255)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_depths_come_out_alike_and_empty_channels_are_finite() -> None:
    values = pixels()
    eight, sixteen = (
        measured(torch.from_numpy(one), torch.float64) for one in (values, values.astype(np.uint16) * 257)
    )
    torch.testing.assert_close(eight, sixteen, rtol=1e-12, atol=1e-12)
    empty = measured(torch.zeros(1, 2, 8, 8, dtype=torch.uint8), torch.float64)
    assert (empty == math.log(FAINTEST)).all()


def test_a_strange_exposure_is_clipped() -> None:
    levels = Levels(5).double().eval()
    far = levels(torch.full((1, 1, 4, 4), 1e30, dtype=torch.float64), 2)
    bound = levels.out.bias + levels.out.weight @ torch.tensor([FARTHEST, -FARTHEST], dtype=torch.float64)
    torch.testing.assert_close(far, bound.expand(1, 2, 5))


def test_every_patch_of_a_channel_hears_of_that_channel_alone() -> None:
    levels = Levels(5).double().eval()
    values = pixels()
    brighter = values.copy()
    brighter[:, 1] = brighter[:, 1] // 2
    one, other = (levels(torch.from_numpy(each), 4).unflatten(1, (3, 4)) for each in (values, brighter))
    assert (one[:, :, :1] == one).all()
    assert (one[:, [0, 2]] == other[:, [0, 2]]).all()
    assert (one[:, 1] != other[:, 1]).any()


@pytest.mark.parametrize("levels", [False, True])
def test_the_model_sees_brightness_only_with_levels(levels: bool) -> None:
    torch.manual_seed(0)
    model = ca_mae.Model(replace(CONFIG, levels=levels), ImageSpec(CHANNELS)).eval()
    dim, bright = (model.embed(batch(pixels() // 4 * factor)).detach() for factor in (1, 4))
    assert torch.allclose(dim, bright, atol=1e-3) != levels


def test_masked_tokens_get_their_own_channel_and_order_does_not_matter() -> None:
    torch.manual_seed(0)
    model = ca_mae.Model(CONFIG, ImageSpec(CHANNELS)).eval()
    values = pixels()
    given, turned = batch(values), batch(np.ascontiguousarray(values[:, ::-1]), CHANNELS[::-1])
    torch.testing.assert_close(model.embed(given), model.embed(turned), rtol=1e-4, atol=1e-5)
    noise = torch.rand(4, 18, generator=torch.Generator().manual_seed(1))
    mirrored = noise.unflatten(1, (3, 6)).flip(1).flatten(1)
    one, other = model.reconstruct(given, noise, 0.5), model.reconstruct(turned, mirrored, 0.5, decode=CHANNELS)
    torch.testing.assert_close(one.prediction, other.prediction, rtol=1e-4, atol=1e-4)
