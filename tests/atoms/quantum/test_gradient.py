"""Derivatives of integrals."""

from __future__ import annotations

import numpy as np

from hooke.atoms.quantum._pairs import Pairs
from hooke.atoms.quantum.basis import Shells
from hooke.atoms.quantum.gradient import integral_gradient, nuclear_gradient, nuclear_repulsion
from hooke.atoms.quantum.one_electron import one_electron
from hooke.atoms.quantum.repulsion import Repulsion

SHARE = 0.3


def _energy(shells: Shells, positions: np.ndarray, density: np.ndarray, weighted: np.ndarray) -> np.ndarray:
    """(geometries,) the expression whose derivative the gradient is, with fixed matrices."""
    pairs = Pairs.of(shells, positions)
    overlap, kinetic, attraction, _ = one_electron(pairs, len(positions))
    repulsion = Repulsion(pairs, len(positions))
    d = np.repeat(density[None], len(positions), axis=0)
    coulomb, exchange = repulsion.coulomb_and_exchange(d)
    fixed = kinetic + attraction + 0.5 * coulomb - 0.25 * SHARE * exchange
    return (d * fixed).sum((1, 2)) - (weighted * overlap).sum((1, 2)) + nuclear_repulsion(shells.numbers, positions)


def test_the_gradient_is_a_derivative(densities: np.ndarray, pairs: Pairs) -> None:
    density, weighted = densities
    own = integral_gradient(pairs, np.stack([density] * 2), np.stack([weighted] * 2), SHARE)[1]
    step = 1e-3
    for atom, axis in ((0, 0), (1, 2), (2, 1), (4, 0)):  # four steps of a five-point rule in the lanes
        moved = np.repeat(pairs.positions[1:2], 4, axis=0)
        moved[:, atom, axis] += step * np.array([2, 1, -1, -2])
        values = _energy(pairs.shells, moved, density, weighted)
        numeric = (values @ [-1, 8, -8, 1]) / (12 * step)
        assert abs(own[atom, axis] - numeric) < 1e-8 * max(1, abs(numeric))
    np.testing.assert_allclose(own.sum(0), 0, atol=1e-10)  # nothing pushes the molecule as a whole


def test_nuclei_alone() -> None:
    assert nuclear_repulsion(np.array([1, 8]), np.array([[[0, 0, 0], [0, 0, 2.0]]]))[0] == 4.0
    np.testing.assert_allclose(
        nuclear_gradient(np.array([1, 8]), np.array([[[0, 0, 0], [0, 0, 2.0]]]))[0], [[0, 0, 2], [0, 0, -2]]
    )
    assert nuclear_repulsion(np.array([2]), np.zeros((3, 1, 3))).tolist() == [0, 0, 0]
