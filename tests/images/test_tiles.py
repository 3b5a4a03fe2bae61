from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.images.tiles import Grid, centre_corners, random_corners, shrink, turned


def test_a_grid_covers_its_field() -> None:
    grid = Grid(904, 1224, 256)
    assert grid.shape == (4, 5)
    seen = np.zeros((904, 1224), bool)
    for top, left in grid.corners:
        seen[top : top + 256, left : left + 256] = True
    assert seen.all()
    assert grid.corners.shape == (20, 2)
    assert grid.to_json() == {"height": 904, "width": 1224, "size": 256, "rows": 0, "columns": 0}


def test_grids_of_stated_size() -> None:
    assert Grid(2048, 2048, 256).shape == (8, 8)
    assert Grid(2048, 2048, 256, 6, 6).corners.shape == (36, 2)
    assert Grid(512, 512, 256, 1, 1).corners.tolist() == [[128, 128]]
    with pytest.raises(DataError, match="has no crop"):
        Grid(200, 300, 256)


def test_random_corners_stay_inside_and_reach_everything() -> None:
    sizes = np.tile([[10, 12]], (4000, 1))
    corners = random_corners(sizes, 8, np.random.default_rng(0))
    assert corners.min(axis=0).tolist() == [0, 0]
    assert corners.max(axis=0).tolist() == [2, 4]
    assert np.array_equal(corners, random_corners(sizes, 8, np.random.default_rng(0)))
    with pytest.raises(DataError, match="10 x 12 has no crop of 11 x 11"):
        random_corners(sizes, 11, np.random.default_rng(0))


def test_centre_corners() -> None:
    assert centre_corners(np.array([[10, 12], [8, 8]]), 8).tolist() == [[1, 2], [0, 0]]


def test_shrink_is_the_mean_of_squares() -> None:
    plane = np.arange(35, dtype=np.uint16).reshape(5, 7)
    small = shrink(plane, 2)
    assert small.shape == (2, 3)
    assert small[0, 0] == round((0 + 1 + 7 + 8) / 4)
    assert small.dtype == np.uint16
    assert shrink(plane, 1) is plane
    assert shrink(plane.astype(np.float32), 2)[0, 1] == pytest.approx(6.0)


def test_turning_covers_the_symmetries_of_the_square() -> None:
    image = np.arange(2 * 9).reshape(2, 3, 3)
    images = np.stack([image] * 8)
    found = turned(images, np.arange(8))
    assert len({one.tobytes() for one in found}) == 8
    assert np.array_equal(found[0], image)
    assert np.array_equal(found[4], image[..., ::-1])
    assert np.array_equal(found[1], np.rot90(image, 1, axes=(1, 2)))
