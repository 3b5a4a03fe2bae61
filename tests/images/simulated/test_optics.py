from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hooke.images.simulated.cells import draw_cells
from hooke.images.simulated.library import TRAITS
from hooke.images.simulated.optics import FULL_SCALE, photograph
from hooke.images.simulated.plates import Conditions

CHANNELS = ("DNA", "AGP")
CALM = Conditions(np.zeros(len(TRAITS)), np.ones(2), np.full(2, 0.05), 0.0, 0.6, np.array([[0.0, 0.5, 0.5]] * 2), 1e6)


def _light() -> np.ndarray:
    return draw_cells(np.zeros(len(TRAITS)), 96, np.random.default_rng(0))


def _photo(conditions: Conditions, dtype: str = "uint16", light: np.ndarray | None = None) -> np.ndarray:
    return photograph(_light() if light is None else light, CHANNELS, conditions, dtype, np.random.default_rng(1))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_types_and_offset(dtype: str) -> None:
    photo = _photo(CALM, dtype)
    assert photo.dtype == np.dtype(dtype)
    dark = _photo(replace(CALM, background=np.zeros(2)), dtype, np.zeros((6, 96, 96), np.float32))
    assert dark.mean() == pytest.approx(FULL_SCALE[dtype][0], rel=0.05)


def test_gain_blur_light_and_noise_do_what_they_say() -> None:
    calm = _photo(CALM).astype(float)
    bright = _photo(replace(CALM, gain=np.array([2.0, 1.0]))).astype(float)
    assert bright[0].max() > 1.8 * calm[0].max()
    assert bright[1].max() == pytest.approx(calm[1].max(), rel=0.02)
    blurred = _photo(replace(CALM, blur_px=3.0)).astype(float)
    assert np.abs(np.diff(blurred)).mean() < 0.6 * np.abs(np.diff(calm)).mean()
    uneven = _photo(
        replace(CALM, light=np.array([[0.5, 0.0, 0.0]] * 2)), light=np.ones((6, 96, 96), np.float32)
    ).astype(float)
    assert uneven[0, :20, :20].mean() > 1.3 * uneven[0, -20:, -20:].mean()
    noisy = _photo(replace(CALM, photons=50.0)).astype(float)
    assert np.abs(noisy - calm).mean() > 5 * np.abs(_photo(replace(CALM, photons=9e5)) - calm).mean()


def test_crosstalk_leaks_into_the_next_channel() -> None:
    only_dna = np.zeros((6, 96, 96), np.float32)
    only_dna[0] = _light()[0]
    assert _photo(replace(CALM, crosstalk=0.2), light=only_dna)[1].max() > 3 * _photo(CALM, light=only_dna)[1].max()


def test_too_much_light_saturates() -> None:
    assert _photo(replace(CALM, gain=np.full(2, 50.0)), "uint8").max() == 255
