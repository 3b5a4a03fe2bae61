"""Matrices of basis sets with d functions."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.atoms.quantum.functionals import FUNCTIONALS
from hooke.nn.atoms.scf.restricted import solve


def test_energies_and_forces_are_pyscfs() -> None:
    dft, gto = pytest.importorskip("pyscf.dft"), pytest.importorskip("pyscf.gto")
    from hooke.nn.atoms.scf.libcint import LibcintMatrices

    numbers, positions = np.array([8, 6, 1, 1]), np.array([[[0, 0, 0], [0, 0.1, 2.3], [0, 1.8, 3.4], [0, -1.7, 3.5]]])
    functional = FUNCTIONALS["b3lyp"]
    matrices = LibcintMatrices(functional, "6-31g(d)", numbers, positions, 0)
    fields = solve(matrices, functional.exchange, 16, 0, tolerance=1e-12)
    molecule = gto.M(
        atom=[(symbol, place) for symbol, place in zip("OCHH", positions[0].tolist(), strict=True)], unit="Bohr", basis="6-31g*", verbose=0
    )  # fmt: skip
    field = dft.RKS(molecule)
    field.xc, field.grids.level, field.conv_tol = "b3lyp", 0, 1e-12
    assert fields.energy[0] == pytest.approx(field.kernel(), abs=1e-9)
    assert fields.homo[0] == pytest.approx(field.mo_energy[7], abs=1e-7)
    assert fields.lumo[0] == pytest.approx(field.mo_energy[8], abs=1e-7)
    gradient = matrices.gradient(0, fields.density, fields.weighted)
    np.testing.assert_allclose(gradient[0], field.nuc_grad_method().kernel(), atol=1e-6)
