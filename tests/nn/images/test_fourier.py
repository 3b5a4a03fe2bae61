"""The losses against sums and a Fourier transform written out."""

from __future__ import annotations

import cmath
import math

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.nn.images.fourier import fourier_error, hidden_error, normalised_patches, reconstruction_losses
from hooke.nn.images.output import Reconstruction
from hooke.nn.images.patches import patchify


def magnitudes(image: torch.Tensor) -> list[float]:
    height, width = image.shape
    return [
        abs(
            sum(
                float(image[y, x]) * cmath.exp(-2j * math.pi * (u * y / height + v * x / width))
                for y in range(height)
                for x in range(width)
            )
        )
        for u in range(height)
        for v in range(width)
    ]


def reconstruction(seed: int = 0) -> Reconstruction:
    generator = torch.Generator().manual_seed(seed)
    image, target = (torch.randn(2, 2, 4, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    hidden = torch.tensor([[True, False, True, True], [False, True, True, True]])
    return Reconstruction(patchify(image, 2), patchify(target, 2), hidden, image, target, ("a", "b"))


def test_fourier_error_of_the_image() -> None:
    found = reconstruction()
    expected = []
    for item in range(2):
        for channel in range(2):
            pair = (magnitudes(found.image[item, channel]), magnitudes(found.target_image[item, channel]))
            expected += [abs(a - b) for a, b in zip(*pair, strict=True)]
    mean = sum(expected) / len(expected)
    assert float(fourier_error(found.image, found.target_image)) == pytest.approx(mean, rel=1e-10)
    orthonormal = fourier_error(found.image, found.target_image, orthonormal=True)
    assert float(orthonormal) == pytest.approx(mean / 4, rel=1e-10)


def test_hidden_error_ignores_visible_patches() -> None:
    found = reconstruction()
    errors = [
        float(((found.prediction[i, n] - found.target[i, n]) ** 2).mean())
        for i in range(2)
        for n in range(4)
        if found.hidden[i, n]
    ]
    assert float(hidden_error(found.prediction, found.target, found.hidden)) == pytest.approx(sum(errors) / len(errors))
    other = torch.where(found.hidden[:, :, None], found.prediction, torch.full_like(found.prediction, 99.0))
    assert hidden_error(other, found.target, found.hidden) == hidden_error(found.prediction, found.target, found.hidden)
    assert float(hidden_error(found.prediction, found.target, torch.zeros_like(found.hidden))) == 0


def test_the_mix() -> None:
    found = reconstruction()
    parts = reconstruction_losses(found, fourier_weight=0.01)
    assert float(parts["loss"]) == pytest.approx(0.99 * float(parts["mse"]) + 0.01 * float(parts["fourier"]))
    assert set(reconstruction_losses(found)) == {"loss", "mse"}


def test_normalised_patches() -> None:
    rows = normalised_patches(torch.randn(2, 3, 50))
    torch.testing.assert_close(rows.mean(2), torch.zeros(2, 3), atol=1e-6, rtol=0)
    torch.testing.assert_close(rows.var(2), torch.ones(2, 3), atol=1e-4, rtol=0)
    found = reconstruction()
    assert float(reconstruction_losses(found, normalise=True)["loss"]) != float(reconstruction_losses(found)["loss"])


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(UsageError, match="Fourier loss compares"):
        fourier_error(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 5))
    with pytest.raises(UsageError, match="Fourier loss compares"):
        fourier_error(torch.zeros(2, 6, 4), torch.zeros(2, 6, 4))
    found = reconstruction()
    part = Reconstruction(found.prediction, found.target, found.hidden, None, None, found.channels)
    with pytest.raises(UsageError, match="whole=True"):
        reconstruction_losses(part, fourier_weight=0.1)
