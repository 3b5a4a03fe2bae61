"""Labels by the own engine."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.atoms.engines import Computed, UnlabelledError
from hooke.core.errors import UnknownNameError, UsageError
from hooke.nn.atoms.scf import engine as module
from hooke.nn.atoms.scf.engine import ScfEngine

pytest.importorskip("numba")
WATER = (np.array([1, 8, 1], np.uint8), np.array([[0, 0, 0.96], [0, 0, 0], [0.93, 0, -0.24]]), 0, 1)
HYDROGEN = (np.array([1, 1], np.uint8), np.array([[0, 0, 0], [0, 0, 0.74]]), 0, 1)
RADICAL = (np.array([1, 8], np.uint8), np.array([[0, 0, 0], [0, 0, 0.97]]), 0, 2)
BROMINE = (np.array([1, 35], np.uint8), np.array([[0, 0, 0], [0, 0, 1.4]]), 0, 1)


def test_every_frame_has_its_label_or_its_reason() -> None:
    own = ScfEngine.of("b3lyp/sto-3g", 0)
    water, radical, hydrogen, bromine, again = own.compute_all([WATER, RADICAL, HYDROGEN, BROMINE, WATER])
    assert isinstance(water, Computed)
    assert isinstance(again, Computed)
    assert isinstance(hydrogen, Computed)
    assert water.energy == pytest.approx(again.energy, abs=1e-9)
    assert water.energy == pytest.approx(own.compute(*WATER).energy, abs=1e-9)
    assert water.energy == pytest.approx(-75.3 * 27.2114, abs=10)
    assert water.gap == pytest.approx(water.lumo - water.homo)
    assert hydrogen.dipole == pytest.approx(0, abs=1e-9)
    assert 1 < water.dipole < 3
    assert 0 < water.noise < 0.1
    assert water.change < 1e-7
    assert isinstance(radical, UnlabelledError)
    assert "restricted to closed shells, and this has multiplicity 2: pyscf:b3lyp/sto-3g takes it" in str(radical)
    assert isinstance(bromine, UnlabelledError)
    assert "no basis functions for Br" in str(bromine)
    with pytest.raises(UnlabelledError, match="closed shells"):
        own.compute(*RADICAL)


def test_forces_belong_to_the_atoms_as_they_are_given() -> None:
    own = ScfEngine.of("svwn/sto-3g", 1)
    numbers, positions, *rest = WATER
    order = [1, 2, 0]
    one, other = own.compute(*WATER), own.compute(numbers[order], positions[order], *rest)
    np.testing.assert_allclose(one.forces[order], other.forces, atol=1e-8)
    step = 1e-3
    moved = [positions + sign * step * np.eye(9)[2].reshape(3, 3) for sign in (1, -1)]
    up, down = (each.energy for each in own.compute_all([(numbers, each, 0, 1) for each in moved]))  # type: ignore[union-attr]
    assert one.forces[0, 2] == pytest.approx(-(up - down) / (2 * step), abs=0.02)  # the grid moves with the atoms


def test_a_field_that_does_not_converge_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CYCLES", 2)
    (result,) = ScfEngine.of("b3lyp/sto-3g", 0).compute_all([WATER])
    assert "SCF not converged in 2 cycles" in str(result)


def test_what_does_not_fit_into_memory_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MEMORY", 1e3)
    (result,) = ScfEngine.of("b3lyp/sto-3g", 0).compute_all([WATER])
    assert "too large" in str(result)


def test_methods_and_grids_that_are_not_offered() -> None:
    with pytest.raises(UsageError, match=r"wb97x/sto-3g is not among .*pyscf:wb97x/sto-3g takes"):
        ScfEngine.of("wb97x/sto-3g")
    with pytest.raises(UnknownNameError, match="b3lpy"):
        ScfEngine.of("b3lpy/sto-3g")
    with pytest.raises(UsageError, match="grid level is 0 to 3, got 5"):
        ScfEngine.of("b3lyp/sto-3g", 5)
    with pytest.raises(UsageError, match="density fitting"):
        ScfEngine.of("b3lyp/sto-3g", density_fit=True)
    assert ScfEngine.of("B3LYP/6-31G*").method == "b3lyp/6-31g(d)"
    assert "unfit for relative energies" in ScfEngine.of("b3lyp/sto-3g", 0).caution
    assert ScfEngine.of("b3lyp/sto-3g").caution == ""
