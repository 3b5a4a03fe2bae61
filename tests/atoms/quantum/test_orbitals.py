"""Functions on grids."""

from __future__ import annotations

from typing import Any

import numpy as np

from hooke.atoms.quantum._pairs import Pairs
from hooke.atoms.quantum.basis import Shells
from hooke.atoms.quantum.grids import grid
from hooke.atoms.quantum.orbitals import BLOCK, blocks_of, filled_blocks


def test_values_and_derivatives_are_libcints(reference: Any, pairs: Pairs) -> None:
    shells = pairs.shells
    points, weights = grid(pairs.shells.numbers, pairs.positions[0], 0)
    blocks = blocks_of(shells, pairs.positions[0], points, weights)
    assert len(blocks.points) + blocks.left_out == len(points)
    assert np.diff(blocks.first).max() <= BLOCK
    expected = reference.molecules[0].eval_gto("GTOval_sph_deriv1", blocks.points)[..., reference.order]
    seen = np.zeros(expected.shape[1:], bool)
    for number in range(len(blocks.first) - 1):
        here = slice(blocks.first[number], blocks.first[number + 1])
        own = blocks.own[blocks.first_own[number] : blocks.first_own[number + 1]]
        values = blocks.values[blocks.first_value[number] : blocks.first_value[number + 1]]
        block = values.reshape(4, len(own), -1)
        np.testing.assert_allclose(block, expected[:, here][..., own].transpose(0, 2, 1), atol=1e-13)
        seen[here, own] = True
    faint = np.abs(expected[0]) * np.sqrt(np.abs(blocks.weights))[:, None]
    assert faint[~seen].max(initial=0) < 1e-9


def test_points_that_are_left_out_hold_no_electrons() -> None:
    shells = Shells.of("sto-3g", np.array([1]))
    points = np.array([[0.0, 0, 0], [0, 0, 30.0], [0, 0, 2.0]])
    blocks = blocks_of(shells, np.zeros((1, 3)), points, np.ones(3))
    assert blocks.left_out == 1
    assert sorted(blocks.points[:, 2]) == [0, 2]


def test_all_functions_everywhere() -> None:
    points = np.random.default_rng(0).normal(size=(700, 3))
    blocks = filled_blocks(points, np.arange(700.0), lambda at: np.stack([at, 2 * at, 3 * at, 4 * at]), 3)
    assert blocks.left_out == 0
    assert sorted(blocks.weights) == [*range(700)]
    first = blocks.values[: blocks.first_value[1]].reshape(4, 3, -1)
    np.testing.assert_array_equal(first[1], 2 * blocks.points[: blocks.first[1]].T)
