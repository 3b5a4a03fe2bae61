from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from hooke.diffraction.align import aligned, grid_correlations, inverted, shifted


def density(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=shape)
    window = np.zeros(shape)
    window[tuple(slice(size // 4, size // 2) for size in shape)] = 1
    return gaussian_filter(np.abs(noise) * window, 1.2, mode="wrap")


@pytest.mark.parametrize("shape", [(20, 20, 20), (21, 21, 21), (32, 32)])
@pytest.mark.parametrize("is_inverted", [False, True])
def test_shift_and_hand_are_found(shape: tuple[int, ...], is_inverted: bool) -> None:
    reference = density(shape)
    move = np.array([3.3, -5.75, 8.1])[: len(shape)]
    moving = shifted(inverted(reference) if is_inverted else reference, move)
    found = aligned(reference, moving)
    assert found.inverted is is_inverted
    assert found.correlation > 0.9999
    np.testing.assert_allclose(found.density, reference, atol=2e-3 * reference.max())
    assert aligned(reference, moving, inversion=False).inverted is False


def test_moving_is_what_a_roll_is() -> None:
    values = density((10, 12, 9))
    np.testing.assert_allclose(
        shifted(values, np.array([3.0, -2.0, 4.0])), np.roll(values, (3, -2, 4), (0, 1, 2)), atol=1e-12
    )
    np.testing.assert_allclose(shifted(shifted(values, np.full(3, 0.5)), np.full(3, 0.5)).sum(), values.sum())
    np.testing.assert_array_equal(inverted(inverted(values)), values)
    spectrum = np.fft.fftn(values)
    np.testing.assert_allclose(np.fft.fftn(inverted(values)), spectrum.conj(), atol=1e-9)
    assert aligned(values, values).correlation == pytest.approx(1, abs=1e-9)


def test_what_is_alike() -> None:
    one = density((16, 16, 16))
    other = gaussian_filter(np.random.default_rng(1).normal(size=one.shape), 1.2, mode="wrap")
    found = grid_correlations([one, np.roll(inverted(one), (2, 5, -3), (0, 1, 2)), other])
    assert found[0, 1] == pytest.approx(1)
    assert found[0, 2] < 0.6
    np.testing.assert_array_equal(found, found.T)
    assert aligned(one, np.zeros_like(one)).correlation == 0
