"""Basis sets."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from hooke.atoms.elements import SYMBOLS
from hooke.atoms.quantum.basis import NAMES, Shells, shells_of
from hooke.core.errors import UnknownNameError


@pytest.mark.parametrize("name", NAMES)
def test_exponents_and_coefficients_are_pyscfs(name: str) -> None:
    basis = pytest.importorskip("pyscf.gto.basis")
    letters = {"s": "s", "sp": "sp", "d": "d"}
    for number in range(1, 19):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = {(moment, tuple(map(tuple, rows))) for moment, *rows in basis.load(name, SYMBOLS[number])}
        own = {
            ("spd".index(letter), tuple(zip(shell.exponents, listed, strict=True)))
            for shell in shells_of(name, number)
            for letter, listed in zip(letters[shell.kind], shell.coefficients, strict=True)
        }
        assert own == expected


def test_functions_are_normalised() -> None:
    r = np.linspace(0, 30, 30001)
    for number in (1, 6, 17):
        for shell in shells_of("sto-3g", number):
            radial = np.exp(-shell.exponents[:, None] * r**2)
            assert np.trapezoid(4 * np.pi * r**2 * (shell.factors[0] @ radial) ** 2, r) == pytest.approx(1, abs=1e-7)
            for p in shell.factors[1:]:
                assert np.trapezoid(4 / 3 * np.pi * r**4 * (p @ radial) ** 2, r) == pytest.approx(1, abs=1e-7)


def test_shells_of_a_molecule() -> None:
    shells = Shells.of("sto-3g", np.array([1, 17]))
    assert shells.atom.tolist() == [0, 1, 1, 1]
    assert shells.kind.tolist() == [0, 0, 1, 1]
    assert shells.first.tolist() == [0, 1, 2, 6, 10]
    assert shells.functions == 10


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="basis set"):
        shells_of("sto-4g", 1)
    with pytest.raises(ValueError, match="no functions for Br"):
        Shells.of("sto-3g", np.array([35]))
    with pytest.raises(ValueError, match="d functions on C"):
        Shells.of("6-31g(d)", np.array([6]))
