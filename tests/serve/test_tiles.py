from __future__ import annotations

import io

import numpy as np
import pytest

from hooke.core.errors import UnknownNameError
from hooke.serve.tiles import Tiles


def test_fields_come_with_controls_of_the_same_plates(tiles: Tiles) -> None:
    found = tiles.fields("GENE01")
    assert [(entry["plate"], entry["well"]) for entry in found["entity"]] == [("P0", "A04"), ("P1", "A04")]
    assert [(entry["plate"], entry["well"]) for entry in found["controls"]] == [("P0", "A01"), ("P1", "A01")]
    assert tiles.fields("NOBODY") == {"entity": [], "controls": []}
    assert len(tiles.fields("GENE00", count=1)["entity"]) == 1


def test_pictures_can_be_read_and_compared(tiles: Tiles) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is missing")
    bright, dim = (
        np.asarray(image.open(io.BytesIO(tiles.png(tiles.fields(name)["entity"][0]["row"]))))
        for name in ("GENE01", "GENE00")
    )
    assert bright.shape == (32, 32, 3)
    assert bright.mean() > dim.mean() + 20
    alone = np.asarray(image.open(io.BytesIO(tiles.png(tiles.fields("GENE01")["entity"][0]["row"], "ER"))))
    assert (alone[:, :, 0] == alone[:, :, 2]).all()
    assert [channel["name"] for channel in tiles.channels()] == ["DNA", "ER"]
    assert tiles.channels()[0]["colour"] == "#4073ff"
    with pytest.raises(UnknownNameError):
        tiles.png(99)
    with pytest.raises(UnknownNameError, match="unknown channel"):
        tiles.png(0, "Mito")
