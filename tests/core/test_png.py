"""Pixels survive the PNG."""

from __future__ import annotations

import io

import numpy as np
import pytest

from hooke.core.png import encode_png


def test_png_keeps_every_pixel() -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is missing")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    assert np.array_equal(np.asarray(image.open(io.BytesIO(encode_png(pixels)))), pixels)
