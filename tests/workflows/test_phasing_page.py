from __future__ import annotations

import base64

import numpy as np

from hooke.workflows.phasing_page import in_the_middle, pictures, turning


def blob(shape: tuple[int, ...], at: tuple[int, ...]) -> np.ndarray:
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    away = np.minimum(np.abs(grid - np.array(at)), np.array(shape) - np.abs(grid - np.array(at)))
    return np.exp(-(away**2).sum(axis=-1) / 3.0)


def test_a_density_across_the_edge_comes_to_the_middle() -> None:
    cut = in_the_middle(blob((20, 20, 20), (0, 19, 10)))
    assert len(set(cut.shape)) == 1
    assert max(cut.shape) < 20
    assert np.unravel_index(cut.argmax(), cut.shape) == tuple(size // 2 for size in cut.shape)
    assert not in_the_middle(np.zeros((5, 5, 5))).any()


def test_views_show_the_density_from_all_sides() -> None:
    long = np.zeros((15, 15, 15))
    long[2:13, 7, 7] = 1
    made = turning(long)
    across, down = made.views
    width, height = (int.from_bytes(base64.b64decode(made.png)[at : at + 4], "big") for at in (16, 20))
    assert width % across == height % down == 0
    assert width // across == height // down


def test_pictures_of_two_and_three_dimensions() -> None:
    assert [each.views for each in pictures(blob((12, 12, 12), (3, 3, 3)))][1] == (1, 1)
    assert len(pictures(blob((12, 12), (3, 3)))) == 1
    for each in pictures(blob((12, 12, 12), (3, 3, 3))):
        assert base64.b64decode(each.png).startswith(b"\x89PNG")
