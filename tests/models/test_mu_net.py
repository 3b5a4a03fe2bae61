from __future__ import annotations

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.images.spec import ImageSpec
from hooke.modalities.images.samples import CHANNELS, SPEC, image_batch, noise_for
from hooke.models import mu_net
from hooke.nn.contract import built


def test_hidden_pixels_do_not_reach_the_prediction() -> None:
    model, batch = built(mu_net, SPEC), image_batch(2, kind="float64")
    noise = noise_for(model, batch)
    before = model.reconstruct(batch, noise, 0.5)
    images = before.target_image.clone()
    covered = before.hidden.view(2, 1, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3).expand_as(images)
    images[covered] = 9.0
    seen = model.images
    model.images = lambda _: images  # the same visible pixels, other hidden ones
    after = model.reconstruct(batch, noise, 0.5)
    model.images = seen
    assert torch.equal(after.image, before.image)


def test_resolutions() -> None:
    model = built(mu_net, SPEC, mu_net.Config(width=8, levels=3, depth=1, patch=8))
    batch = image_batch(2, size=(24, 40))
    assert [tuple(model(batch, block=block).grid) for block in (1, 2, 3)] == [(24, 40), (12, 20), (6, 10)]
    assert model.width == 32
    noise = noise_for(model, batch)
    assert model.reconstruct(batch, noise, 0.5).image.shape == batch.pixels.shape


def test_widths() -> None:
    with pytest.raises(UsageError, match="multiple of 8"):
        mu_net.Model(mu_net.Config(width=12), ImageSpec(CHANNELS))
