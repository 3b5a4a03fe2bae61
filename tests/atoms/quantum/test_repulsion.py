"""Electron repulsion integrals against libcint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hooke.atoms.quantum._hermite import LARGEST, boys_table
from hooke.atoms.quantum._pairs import Pairs
from hooke.atoms.quantum.basis import Shells
from hooke.atoms.quantum.repulsion import Repulsion, count_integrals


@pytest.mark.parametrize("geometries", [1, 2])
def test_integrals_are_libcints(pairs: Pairs, reference: Any, geometries: int) -> None:
    own = Repulsion(pairs, geometries)
    for geometry in range(geometries):
        order = reference.order
        expected = reference.molecules[geometry].intor("int2e")[np.ix_(order, order, order, order)]
        np.testing.assert_allclose(own.dense(geometry), expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("geometries", [1, 2])
def test_coulomb_and_exchange_are_their_sums(pairs: Pairs, densities: np.ndarray, geometries: int) -> None:
    own = Repulsion(pairs, geometries)
    coulomb, exchange = own.coulomb_and_exchange(densities[:geometries])
    for geometry in range(geometries):
        whole = own.dense(geometry)
        np.testing.assert_allclose(coulomb[geometry], np.einsum("ijkl,kl->ij", whole, densities[geometry]), atol=1e-12)
        np.testing.assert_allclose(exchange[geometry], np.einsum("ikjl,kl->ij", whole, densities[geometry]), atol=1e-12)


def test_a_lane_does_not_depend_on_its_neighbours(pairs: Pairs) -> None:
    turned = Pairs.of(pairs.shells, pairs.positions[::-1])
    one, other = Repulsion(pairs, 2), Repulsion(turned, 2)
    np.testing.assert_allclose(one.dense(0), other.dense(1), atol=1e-14)


def test_far_apart_they_are_those_of_charges() -> None:
    shells = Shells.of("sto-3g", np.array([1, 1]))
    for distance in (7.0, 12.0, 40.0):  # on both sides of the end of the table of Boys functions
        own = Repulsion(Pairs.of(shells, np.array([[[0, 0, 0], [0, 0, distance]]])), 1).dense(0)
        assert own[0, 0, 1, 1] == pytest.approx(1 / distance, rel=1e-4 if distance < 10 else 1e-10)


def test_the_table_of_boys_functions() -> None:
    special = pytest.importorskip("scipy.special")
    table = boys_table()
    for step in (1, 50, 64, 700):
        t = step / 32
        assert table[step, 0] == pytest.approx(np.sqrt(np.pi / t) / 2 * special.erf(np.sqrt(t)), rel=1e-14)
        for m in range(table.shape[1] - 1):
            assert (2 * m + 1) * table[step, m] == pytest.approx(2 * t * table[step, m + 1] + np.exp(-t), rel=1e-13)
    assert len(table) > 32 * LARGEST


def test_how_many_there_are(pairs: Pairs) -> None:
    assert count_integrals(np.array([0])) == 1
    functions = pairs.shells.functions
    pairs_of_functions = functions * (functions + 1) // 2
    assert count_integrals(pairs.kind) >= pairs_of_functions * (pairs_of_functions + 1) // 2
    assert len(pairs.shells.numbers) == 6
