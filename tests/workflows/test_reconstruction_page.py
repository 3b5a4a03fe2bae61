from __future__ import annotations

import base64

import numpy as np
import polars as pl

from hooke.workflows.reconstruction_page import directions, picture, slices


def size(png: str) -> tuple[int, int]:
    data = base64.b64decode(png)
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24])


def test_slices_stand_beside_each_other_with_blanks_between() -> None:
    volumes = {"models": np.random.default_rng(0).uniform(1, 2, (1, 7, 7, 7)), "seen": np.ones((1, 7, 7, 7), bool)}
    (found,) = slices(volumes, 0)
    assert size(found.png) == ((3 * 7 + 2) * 5, 7 * 5)


def test_unknown_values_are_white_and_high_ones_dark() -> None:
    found = picture("", np.array([[0.0, 1.0, np.nan]]), "", scale=1)
    import zlib

    data = base64.b64decode(found.png)
    start = data.index(b"IDAT") + 4
    line = zlib.decompress(data[start : data.index(b"IEND") - 8])
    assert list(line[1:]) == [235] * 3 + [0] * 3 + [255] * 3


def test_directions_count_frames_that_were_used() -> None:
    table = pl.DataFrame(
        {
            "w": [1.0, 1.0, np.nan],
            "x": [0.0, 0, np.nan],
            "y": [0.0, 0, np.nan],
            "z": [0.0, 0, np.nan],
            "reason": ["", "", "no photon"],
        }
    )
    assert size(directions(table).png)[0] == 2 * 361
