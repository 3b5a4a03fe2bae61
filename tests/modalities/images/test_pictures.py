"""Sections of reports on images."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from hooke.inference.image_run import LoadedImageRun
from hooke.studies.image_sections import citations_of_images, image_data_section, picture, reconstruction_picture

from hooke.core.runs import RunFolder
from hooke.images.store import ImageStore


def test_data_and_citations(image_run: Path, screen: ImageStore) -> None:
    run = RunFolder(image_run)
    found = image_data_section(run, screen)
    assert found.rows_kept == len(screen)
    assert "simulated" in found.notes[0]
    assert "ca_mae" in citations_of_images(run)


def test_pictures_can_be_read(image_run: Path, screen: ImageStore) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is missing")
    loaded = LoadedImageRun.open(image_run, "cpu")
    made = reconstruction_picture(loaded, screen, [0, 3])
    pixels = np.asarray(image.open(io.BytesIO(base64.b64decode(made.png))))
    assert pixels.shape == (5 * 36 * 2, 6 * 36 * 2, 3)
    assert "25%" in made.note
    plain = picture("p", [np.arange(12).reshape(1, 3, 4)], "")
    assert np.asarray(image.open(io.BytesIO(base64.b64decode(plain.png))))[0, 0, 0] == 0
