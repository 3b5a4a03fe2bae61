"""Pairs by cell lists are those of brute force over images."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from hooke.atoms.frames import Frames
from hooke.atoms.neighbours import coincident, neighbour_pairs


def brute_force(positions: np.ndarray, cutoff: float, cell: np.ndarray, periodic: np.ndarray) -> set[tuple[int, ...]]:
    """Directed pairs with shifts."""
    found, reach = set(), [range(-4, 5) if along else range(1) for along in periodic]
    for shift in itertools.product(*reach):
        moved = positions + np.array(shift) @ cell
        distance = np.linalg.norm(moved[None] - positions[:, None], axis=2)
        for first, second in zip(*np.nonzero(distance < cutoff), strict=True):
            if first != second or any(shift):
                found.add((int(first), int(second), *shift))
    return found


@pytest.mark.parametrize("periodic", [(False, False, False), (True, True, True), (True, False, True)])
def test_pairs_are_those_of_brute_force(periodic: tuple[bool, bool, bool]) -> None:
    generator = np.random.default_rng(1)
    cell = np.diag([4.0, 5.0, 6.0]) + 0.4 * generator.normal(size=(3, 3))
    positions, along = generator.uniform(-1, 7, size=(13, 3)), np.array(periodic)
    pairs, shifts = neighbour_pairs(positions, 4.5, cell, along)
    listed = {(*pair, *shift) for pair, shift in zip(pairs.tolist(), shifts.tolist(), strict=True)}
    turned = {(second, first, *(-step for step in shift)) for first, second, *shift in listed}
    assert not listed & turned
    assert listed | turned == brute_force(positions, 4.5, cell, along)


def test_frames_with_coincident_atoms_are_found(frames: Frames) -> None:
    assert coincident(frames) == []
    positions = frames.positions.copy()
    first = frames.offsets[4]
    positions[first + 1] = positions[first] + 1e-3
    assert coincident(replace(frames, positions=positions)) == [4]
