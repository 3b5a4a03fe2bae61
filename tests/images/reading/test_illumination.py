from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.images.reading.illumination import LOWEST, correct, flat_field, unevenness


def _lit(count: int, light: np.ndarray, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    cells = generator.gamma(2.0, 400.0, (count, *light.shape))
    return (cells * light).astype(np.uint16)


def test_the_light_is_found_and_divided_out() -> None:
    y, x = np.mgrid[-1:1:64j, -1:1:80j]
    light = 1.2 - 0.5 * (x**2 + y**2)
    light /= light.mean()
    planes = _lit(60, light)
    flat = flat_field(planes)
    assert flat.mean() == pytest.approx(1.0, abs=1e-3)
    assert np.corrcoef(flat.ravel(), light.ravel())[0, 1] > 0.98
    corrected = np.stack([correct(plane, flat) for plane in planes])
    assert unevenness(corrected) < 0.35 * unevenness(planes)


def test_correct_keeps_type_and_range() -> None:
    plane = np.array([[10, 60000]], np.uint16)
    assert correct(plane, np.full((1, 2), 0.5, np.float32)).tolist() == [[20, 65535]]
    assert correct(plane, np.ones((1, 2), np.float32)).dtype == np.uint16


def test_dark_corners_are_not_blown_up() -> None:
    plane = np.ones((40, 40), np.uint16)
    plane[:, 20:] = 1000
    assert flat_field([plane], smoothing=0.01).min() >= LOWEST * 0.99


def test_impossible_input() -> None:
    with pytest.raises(ValueError, match="no planes"):
        flat_field([])
    with pytest.raises(ValueError, match="no common illumination"):
        flat_field([np.ones((4, 4)), np.ones((4, 5))])


@pytest.mark.mirror
def test_real_fields_become_more_even(mirror: Path) -> None:
    with np.load(mirror / "microscopy" / "cellprofiler_examples" / "illum_AS_09047_72fields.npz") as file:
        images = file["images"]
    estimated, held_out = images[::2], images[1::2]
    flat = flat_field(estimated)
    assert unevenness([correct(plane, flat) for plane in held_out]) < 0.7 * unevenness(held_out)
