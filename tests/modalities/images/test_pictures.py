"""Reconstructions as pictures."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest

from hooke.images.store import ImageStore
from hooke.inference.loaded import LoadedRun
from hooke.modalities import trainable
from hooke.modalities.images.pictures import picture, reconstruction_picture


def test_pictures_can_be_read(image_run: Path, screen: ImageStore) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is missing")
    loaded = LoadedRun.open(image_run, "cpu")
    made = reconstruction_picture(
        loaded.network.encoder, screen, [0, 3], ratio=0.75, channels=screen.channels, crop=loaded.spec.crop
    )
    pixels = np.asarray(image.open(io.BytesIO(base64.b64decode(made.png))))
    assert pixels.shape == (5 * 36 * 2, 6 * 36 * 2, 3)
    assert "25%" in made.note
    [reported] = trainable("images", "report").report(loaded, screen)["pictures"]
    assert np.asarray(image.open(io.BytesIO(base64.b64decode(reported.png)))).shape == (5 * 36 * 2, 12 * 36 * 2, 3)
    plain = picture("p", [np.arange(12).reshape(1, 3, 4)], "")
    assert np.asarray(image.open(io.BytesIO(base64.b64decode(plain.png))))[0, 0, 0] == 0
