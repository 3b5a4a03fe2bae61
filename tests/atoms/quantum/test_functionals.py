"""Functionals against libxc."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.atoms.quantum.functionals import FUNCTIONALS, evaluate_all, functional_of
from hooke.core.errors import UnknownNameError

_NAMES = {"svwn": "slater,vwn5"}


def _points(count: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    rho, reduced = 10 ** generator.uniform(-9, 2.5, count), 10 ** generator.uniform(-3, 1, count)
    sigma = (reduced * rho ** (4 / 3)) ** 2
    sigma[:5] = 0
    return rho, sigma


@pytest.mark.parametrize("name", FUNCTIONALS)
def test_energies_and_potentials_are_libxcs(name: str) -> None:
    libxc = pytest.importorskip("pyscf.dft.libxc")
    rho, sigma = _points()
    own = evaluate_all(FUNCTIONALS[name].code, rho, sigma)
    slope = np.sqrt(sigma)
    given = rho if name == "svwn" else np.array([rho, slope, 0 * rho, 0 * rho])
    energy, potential = libxc.eval_xc(_NAMES.get(name, name), given)[:2]
    # libxc leaves the gradient of PBE out below a density of 1e-10 or so
    relative = 1e-11 if name != "pbe" else 2e-8
    np.testing.assert_allclose(own[0], energy * rho, rtol=relative)
    np.testing.assert_allclose(own[1], potential[0], rtol=relative)
    if name == "b3lyp":
        np.testing.assert_allclose(own[2], potential[1], rtol=1e-9)
    if name == "pbe":  # exchange and correlation cancel
        np.testing.assert_allclose(own[2] * rho ** (4 / 3), potential[1] * rho ** (4 / 3), atol=1e-9)


@pytest.mark.parametrize("name", FUNCTIONALS)
def test_potentials_are_derivatives(name: str) -> None:
    code = FUNCTIONALS[name].code
    rho, sigma = (each[5:300] for each in _points())
    value = evaluate_all(code, rho, sigma)
    for column, (of_rho, of_sigma) in ((1, (1e-5, 0.0)), (2, (0.0, 1e-5))):
        up = evaluate_all(code, rho * (1 + of_rho), sigma * (1 + of_sigma))[0]
        down = evaluate_all(code, rho * (1 - of_rho), sigma * (1 - of_sigma))[0]
        slope = value[column] * (rho if column == 1 else sigma)
        np.testing.assert_allclose(slope / value[0], (up - down) / 2e-5 / value[0], rtol=1e-6, atol=1e-7)


def test_nothing_without_electrons() -> None:
    for functional in FUNCTIONALS.values():
        assert not evaluate_all(functional.code, np.zeros(3), np.zeros(3)).any()


def test_names() -> None:
    assert functional_of("b3lyp").exchange == 0.2
    with pytest.raises(UnknownNameError, match="functional 'b3lpy'"):
        functional_of("b3lpy")
