"""Integration grids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hooke.atoms.quantum._pairs import Pairs
from hooke.atoms.quantum.grids import LEVELS, atomic_grid, grid


@pytest.mark.parametrize("level", LEVELS)
def test_points_and_weights_are_pyscfs(level: int, reference: Any, pairs: Pairs) -> None:
    dft = pytest.importorskip("pyscf.dft")
    expected = dft.gen_grid.Grids(reference.molecules[1])
    expected.level, expected.alignment = level, 0
    expected.build()
    points, weights = grid(pairs.shells.numbers, pairs.positions[1], level)
    own, other = (np.lexsort(np.round(each, 6).T) for each in (points, expected.coords))
    np.testing.assert_allclose(points[own], expected.coords[other], atol=1e-12, rtol=0)
    np.testing.assert_allclose(weights[own], expected.weights[other], atol=1e-12, rtol=0)


def test_a_gaussian_is_integrated(pairs: Pairs) -> None:
    for level, error in ((0, 5e-3), (1, 1e-4), (3, 2e-6)):
        points, weights = grid(pairs.shells.numbers, pairs.positions[0], level)
        total = sum(weights @ np.exp(-((points - at) ** 2).sum(1)) for at in pairs.positions[0])
        assert total / len(pairs.shells.numbers) == pytest.approx(np.pi**1.5, rel=error)


def test_turning_a_molecule_by_a_right_angle_turns_its_grid(pairs: Pairs) -> None:
    turned = pairs.positions[0][:, [1, 2, 0]]
    points, weights = grid(pairs.shells.numbers, pairs.positions[0], 0)
    again, same = grid(pairs.shells.numbers, turned, 0)
    one, two = (np.lexsort(np.round(each, 6).T) for each in (points[:, [1, 2, 0]], again))
    np.testing.assert_allclose(weights[one], same[two], atol=1e-12)


def test_levels_and_elements_that_are_not_there() -> None:
    for number, level in ((35, 1), (1, 4), (0, 0)):
        with pytest.raises(ValueError, match="no grid of level"):
            atomic_grid(number, level)
