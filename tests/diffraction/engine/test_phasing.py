from __future__ import annotations

import numpy as np
import pytest
import torch

from hooke.diffraction.align import aligned
from hooke.diffraction.engine.phasing import Phasing, Projector, phase
from hooke.diffraction.resolution import density_shell_correlation


def particle(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """A lopsided cloud of atoms, about two fifths of the grid wide."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*[np.arange(size) - size // 2 for size in shape], indexing="ij"), axis=-1).astype(float)
    places = rng.uniform(-0.19, 0.19, (25, len(shape))) * np.array(shape) * np.array([1.0, 0.7, 0.9])[: len(shape)]
    places = places[places[:, 0] + places[:, 1] < 0.12 * shape[0]]
    heights = rng.uniform(0.5, 1, len(places))
    return sum(h * np.exp(-((grid - p) ** 2).sum(axis=-1) / 2.0) for h, p in zip(heights, places, strict=True))


def measured(density: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.fftshift(np.fft.fftn(density))) ** 2


@pytest.mark.parametrize("shape", [(12, 12, 12), (13, 11, 9), (16, 17)])
def test_projections(shape: tuple[int, ...]) -> None:
    values = measured(particle(shape))
    known = np.random.default_rng(1).uniform(size=shape) > 0.3
    axes = tuple(range(len(shape)))
    known &= np.roll(np.flip(known, axes), [1 - size % 2 for size in shape], axes)  # as Friedel's law has it
    projector = Projector(values, known)
    density = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    once = projector.measured(density)
    torch.testing.assert_close(projector.measured(once), once, atol=1e-5, rtol=1e-4)
    before, after = (np.fft.fftshift(np.fft.fftn(each.numpy())) for each in (density, once))
    np.testing.assert_allclose(
        np.abs(after[known]), np.sqrt(values[known]), rtol=1e-3, atol=1e-4 * np.sqrt(values.max())
    )
    np.testing.assert_allclose(after[~known], before[~known], atol=1e-4 * np.abs(before).max())
    np.testing.assert_allclose(np.angle(after[known] * before[known].conj()), 0, atol=0.02)
    assert projector.error(once) < 1e-5 < projector.error(density)


def test_the_truth_stays() -> None:
    """A density that fulfils both constraints is a fixed point of every algorithm."""
    truth = particle((24, 24, 24))
    projector = Projector(measured(truth))
    x = torch.from_numpy(truth).float()
    torch.testing.assert_close(projector.measured(x), x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("algorithm", ["hio", "raar", "dm"])
@pytest.mark.parametrize("shape", [(24, 24, 24), (48, 48)])
def test_a_particle_is_found(algorithm: str, shape: tuple[int, ...]) -> None:
    truth = particle(shape)
    values = measured(truth)
    radius = np.sqrt(
        sum((axis - size // 2) ** 2.0 for axis, size in zip(np.ogrid[tuple(map(slice, shape))], shape, strict=True))
    )
    projector = Projector(np.where(radius < 1.5, np.nan, values), radius < shape[0] // 2)
    options = Phasing(algorithm, iterations=300, blur=1.5, last_blur=0.8)
    starts = [aligned(truth, phase(projector, options, seed).density) for seed in range(3)]
    found = max(starts, key=lambda each: each.correlation)
    assert found.correlation > (0.95 if len(shape) == 3 else 0.8)
    assert np.nanmean(density_shell_correlation(truth, found.density)[1:8]) > (0.9 if len(shape) == 3 else 0.6)


def test_seeds_and_error_reduction() -> None:
    projector = Projector(measured(particle((16, 16, 16))))
    options = Phasing("er", iterations=30, refine=0, shrink_every=0)
    first, again, other = (phase(projector, options, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.density, again.density)
    assert not np.array_equal(first.density, other.density)
    assert (first.density >= 0).all()
    assert not first.density[~first.support].any()
    errors = [
        phase(projector, Phasing("er", iterations=count, refine=0, shrink_every=0), 1).error for count in (1, 5, 20, 60)
    ]
    assert errors == sorted(errors, reverse=True)  # ER never grows worse
    steps: list[int] = []
    phase(projector, options, 0, steps.append)
    assert sum(steps) == 30
