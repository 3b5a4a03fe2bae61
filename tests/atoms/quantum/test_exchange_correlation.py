"""Exchange and correlation on grids against PySCF."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hooke.atoms.quantum._pairs import Pairs
from hooke.atoms.quantum.exchange_correlation import exchange_correlation, exchange_correlation_gradient
from hooke.atoms.quantum.functionals import FUNCTIONALS
from hooke.atoms.quantum.grids import grid
from hooke.atoms.quantum.orbitals import blocks_of


def _density(reference: Any) -> np.ndarray:
    from pyscf.scf import hf

    return np.asarray(hf.init_guess_by_minao(reference.molecules[0]))


@pytest.mark.parametrize("name", FUNCTIONALS)
def test_energy_matrix_and_gradient_are_pyscfs(name: str, reference: Any, pairs: Pairs) -> None:
    dft, rks = pytest.importorskip("pyscf.dft"), pytest.importorskip("pyscf.grad.rks")
    molecule, density = reference.molecules[0], _density(reference)
    own = reference.ordered(density)
    blocks = blocks_of(pairs.shells, pairs.positions[0], *grid(pairs.shells.numbers, pairs.positions[0], 0))
    energy, matrix, electrons = exchange_correlation(FUNCTIONALS[name], blocks, own)
    grids = dft.gen_grid.Grids(molecule)
    grids.level = 0
    grids.build(with_non0tab=True)
    integrator, known = dft.numint.NumInt(), {"svwn": "slater,vwn5"}.get(name, name)
    count, expected, potential = integrator.nr_rks(molecule, grids, known, density)
    assert electrons == pytest.approx(count, abs=1e-9)
    assert energy == pytest.approx(expected, abs=1e-9)
    np.testing.assert_allclose(matrix, reference.ordered(potential), atol=1e-8)
    _, slope = rks.get_vxc(integrator, molecule, grids, known, density)
    wanted = [
        2 * np.einsum("xij,ij->x", slope[:, start:end], density[start:end])
        for _, _, start, end in molecule.aoslice_by_atom()
    ]
    gradient = exchange_correlation_gradient(FUNCTIONALS[name], blocks, pairs.shells, pairs.positions[0], own)
    np.testing.assert_allclose(gradient, wanted, atol=1e-8)


def test_the_matrix_is_the_derivative_by_the_density(reference: Any, densities: np.ndarray, pairs: Pairs) -> None:
    blocks = blocks_of(pairs.shells, pairs.positions[0], *grid(pairs.shells.numbers, pairs.positions[0], 0))
    density, change = reference.ordered(_density(reference)), 1e-4 * densities[0]
    _, matrix, _ = exchange_correlation(FUNCTIONALS["b3lyp"], blocks, density)
    up, down = (exchange_correlation(FUNCTIONALS["b3lyp"], blocks, density + sign * change)[0] for sign in (1, -1))
    assert (up - down) / 2 == pytest.approx((matrix * change).sum(), rel=1e-5)


def test_single_precision_is_near(reference: Any, pairs: Pairs) -> None:
    density = reference.ordered(_density(reference))
    at = grid(pairs.shells.numbers, pairs.positions[0], 0)
    energies = []
    for dtype in (np.float32, np.float64):
        blocks = blocks_of(pairs.shells, pairs.positions[0], *at, dtype)
        energies.append(exchange_correlation(FUNCTIONALS["b3lyp"], blocks, density)[0])
    assert energies[0] == pytest.approx(energies[1], abs=1e-4)
