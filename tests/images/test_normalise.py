from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.images.normalise import normalised, standardise, standardise_by_controls, stretch


def _images() -> np.ndarray:
    return np.random.default_rng(0).integers(500, 60000, (4, 3, 16, 20)).astype(np.uint16)


def test_standardise() -> None:
    found = standardise(_images())
    assert found.dtype == np.float32
    assert np.allclose(found.mean(axis=(2, 3)), 0, atol=1e-5)
    assert np.allclose(found.std(axis=(2, 3)), 1, atol=1e-3)


def test_gain_offset_and_depth_do_not_matter() -> None:
    images = _images().astype(np.float64) / 65535
    assert np.allclose(standardise(images), standardise(0.3 * images + 0.1), atol=2e-4)
    coarse = (_images() // 257).astype(np.uint8)
    assert np.abs(standardise(coarse) - standardise(_images())).max() < 0.05


def test_an_empty_plane_stays_finite() -> None:
    assert np.array_equal(standardise(np.full((1, 4, 4), 7, np.uint8)), np.zeros((1, 4, 4), np.float32))
    assert np.isfinite(stretch(np.full((1, 4, 4), 7, np.uint8))).all()


def test_stretch_lies_between_zero_and_one() -> None:
    found = stretch(_images())
    assert found.min() == 0
    assert found.max() == 1


def test_by_controls() -> None:
    images, batches = _images(), np.array([0, 0, 1, 1])
    images[2:] //= 2  # the second batch is stained more weakly
    controls = np.array([True, False, True, False])
    found = standardise_by_controls(images, batches, controls)
    assert np.allclose(found[[0, 2]].mean(axis=(2, 3)), 0, atol=1e-4)
    assert np.abs(found[1].mean() - found[3].mean()) < 0.1
    with pytest.raises(DataError, match="batch 1 has no control"):
        standardise_by_controls(images, batches, batches == 0)


def test_ways_by_name() -> None:
    assert np.array_equal(normalised(_images(), "self"), standardise(_images()))
    assert normalised(_images(), "none").max() <= 1
    with pytest.raises(UnknownNameError, match="Did you mean 'stretch'"):
        normalised(_images(), "strech")
