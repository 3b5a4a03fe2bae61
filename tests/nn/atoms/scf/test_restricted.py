"""Restricted Kohn-Sham fields against PySCF."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hooke.atoms.elements import SYMBOLS
from hooke.atoms.quantum.basis import Shells
from hooke.atoms.quantum.functionals import FUNCTIONALS
from hooke.nn.atoms.scf.matrices import OwnMatrices
from hooke.nn.atoms.scf.restricted import Fields, solve

BOHR = 0.529177210903
SYSTEMS: dict[str, tuple[list[int], list[list[float]], int]] = {  # numbers, Å, charge
    "hydrogen": ([1, 1], [[0, 0, 0], [0, 0, 0.74]], 0),
    "carbon dioxide": ([6, 8, 8], [[0, 0, 0], [0, 0, 1.16], [0, 0.05, -1.16]], 0),
    "ammonium": ([7, 1, 1, 1, 1], [[0, 0, 0], [0.6, 0.6, 0.6], [-0.6, -0.6, 0.6], [-0.6, 0.6, -0.6], [0.6, -0.6, -0.6]], 1),
    "hydroxide": ([8, 1], [[0, 0, 0], [0, 0, 0.97]], -1),
    "chloroform's cousin": ([6, 17, 9, 9, 1], [[0, 0, 0], [1.76, 0, 0], [-0.5, 1.25, 0], [-0.5, -0.62, 1.07], [-0.4, -0.6, -0.9]], 0),
}  # fmt: skip


def _solved(
    name: str, functional: str, level: int, copies: int = 1, tolerance: float = 1e-12
) -> tuple[Fields, OwnMatrices]:
    numbers, places, charge = SYSTEMS[name]
    positions = np.repeat(np.array([places]) / BOHR, copies, axis=0)
    matrices = OwnMatrices(FUNCTIONALS[functional], Shells.of("sto-3g", np.array(numbers)), positions)
    electrons = sum(numbers) - charge
    return solve(matrices, FUNCTIONALS[functional].exchange, electrons, level, tolerance=tolerance), matrices


def _expected(name: str, functional: str, level: int, basis: str = "sto-3g") -> Any:
    dft = pytest.importorskip("pyscf.dft")
    gto = pytest.importorskip("pyscf.gto")
    numbers, places, charge = SYSTEMS[name]
    at = (np.array(places) / BOHR).tolist()
    molecule = gto.M(
        atom=[(SYMBOLS[number], place) for number, place in zip(numbers, at, strict=True)], unit="Bohr", basis=basis, charge=charge, verbose=0
    )  # fmt: skip
    field = dft.RKS(molecule)
    field.xc, field.grids.level, field.conv_tol = {"svwn": "slater,vwn5"}.get(functional, functional), level, 1e-12
    field.kernel()
    return field


@pytest.mark.parametrize(
    ("name", "functional", "level"),
    [
        ("hydrogen", "b3lyp", 1), ("carbon dioxide", "b3lyp", 0), ("ammonium", "pbe", 0), ("hydroxide", "svwn", 0),
        ("chloroform's cousin", "b3lyp", 0),
    ],
)  # fmt: skip
def test_energies_orbitals_dipoles_and_forces_are_pyscfs(name: str, functional: str, level: int) -> None:
    fields, matrices = _solved(name, functional, level)
    expected = _expected(name, functional, level)
    assert fields.converged.all()
    assert fields.energy[0] == pytest.approx(expected.e_tot, abs=1e-8)
    occupied = int(expected.mo_occ.sum()) // 2
    assert fields.homo[0] == pytest.approx(expected.mo_energy[occupied - 1], abs=2e-7)
    if len(expected.mo_energy) > occupied:
        assert fields.lumo[0] == pytest.approx(expected.mo_energy[occupied], abs=2e-7)
    if SYSTEMS[name][2] == 0:
        np.testing.assert_allclose(fields.dipole[0], expected.dip_moment(unit="au", verbose=0), atol=1e-6)
    gradient = matrices.gradient(level, fields.density, fields.weighted)
    np.testing.assert_allclose(gradient[0], expected.nuc_grad_method().kernel(), atol=1e-6)
    assert abs(fields.electrons[0] - 2 * occupied) < 0.05


def test_neighbours_and_their_number_change_nothing() -> None:
    numbers, places, _ = SYSTEMS["carbon dioxide"]
    some = np.array([places]) / BOHR + 0.05 * np.random.default_rng(0).normal(size=(3, 3, 3))
    shells, functional = Shells.of("sto-3g", np.array(numbers)), FUNCTIONALS["b3lyp"]

    def energies(positions: np.ndarray) -> np.ndarray:
        return solve(OwnMatrices(functional, shells, positions), functional.exchange, 22, 0).energy

    together, turned = energies(some), energies(some[::-1])
    np.testing.assert_allclose(together, turned[::-1], atol=1e-9)
    np.testing.assert_allclose(together, [energies(each[None])[0] for each in some], atol=1e-9)


def test_what_does_not_converge_says_so() -> None:
    fields, _ = _solved("carbon dioxide", "b3lyp", 0)
    numbers, places, _ = SYSTEMS["carbon dioxide"]
    functional = FUNCTIONALS["b3lyp"]
    matrices = OwnMatrices(functional, Shells.of("sto-3g", np.array(numbers)), np.array([places]) / BOHR)
    few = solve(matrices, functional.exchange, 22, 0, most_cycles=3)
    assert not few.converged[0]
    assert few.cycles[0] == 3
    assert few.energy[0] > fields.energy[0]


def test_no_empty_orbital() -> None:
    shells, functional = Shells.of("sto-3g", np.array([2])), FUNCTIONALS["pbe"]
    fields = solve(OwnMatrices(functional, shells, np.zeros((2, 1, 3))), 0.0, 2, 0)
    assert fields.converged.all()
    assert np.isnan(fields.lumo).all()
    assert np.isfinite(fields.homo).all()
