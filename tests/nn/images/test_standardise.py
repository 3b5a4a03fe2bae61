from __future__ import annotations

import pytest
import torch

from hooke.modalities.images.samples import image_batch
from hooke.nn.images.channels import standardise


def test_eight_bits_as_the_instance_norm_of_the_scale_0_to_1() -> None:
    pixels = image_batch().pixels
    expected = torch.nn.InstanceNorm2d(3)(pixels.float() / 255)
    torch.testing.assert_close(standardise(pixels), expected, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32", "float64"])
def test_mean_and_variance(kind: str) -> None:
    found = standardise(image_batch(kind=kind).pixels, torch.float64)
    torch.testing.assert_close(found.mean((2, 3)), torch.zeros(6, 3).double(), atol=1e-9, rtol=0)
    torch.testing.assert_close(found.var((2, 3), correction=0), torch.ones(6, 3).double(), atol=5e-3, rtol=0)


def test_scale_and_offset_do_not_matter() -> None:
    pixels = image_batch(kind="float64").pixels
    for scale, offset in ((1e-6, 0.0), (5e4, 100.0), (2.0, -1.0)):
        torch.testing.assert_close(
            standardise(scale * pixels + offset, torch.float64), standardise(pixels, torch.float64), atol=1e-4, rtol=0
        )


@pytest.mark.parametrize("value", [0.0, 0.1, 1e-30, 3e8])
def test_a_constant_channel_becomes_zero(value: float) -> None:
    assert float(standardise(torch.full((1, 1, 64, 64), value)).abs().max()) < 0.05
    assert not standardise(torch.full((1, 1, 8, 8), 7, dtype=torch.uint8)).any()


def test_standardising_twice_changes_nothing() -> None:
    once = standardise(image_batch(kind="float32").pixels)
    torch.testing.assert_close(standardise(once), once, atol=1e-5, rtol=0)
