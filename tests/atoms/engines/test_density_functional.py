"""Density functionals by PySCF."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.atoms.engines import UnlabelledError, engine_of
from hooke.atoms.engines.density_functional import FUNCTIONALS, PyscfEngine
from hooke.core.errors import UnknownNameError, UsageError

pytest.importorskip("pyscf")
HYDROGEN = np.array([1, 1], np.uint8), np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.78]])


@pytest.mark.parametrize(("multiplicity", "charge"), [(1, 0), (2, 1)])
def test_forces_are_the_negative_derivative_of_the_energy(multiplicity: int, charge: int) -> None:
    engine = engine_of("pyscf:b3lyp/sto-3g")
    numbers, positions = HYDROGEN
    computed = engine.compute(numbers, positions, charge, multiplicity)
    shift = np.array([[0, 0, 0], [0, 0, 1e-3]])
    low, high = (engine.compute(numbers, positions + sign * shift, charge, multiplicity).energy for sign in (-1, 1))
    assert computed.forces[1, 2] == pytest.approx(-(high - low) / 2e-3, abs=5e-3)
    assert np.abs(computed.forces.sum(axis=0)).max() < 1e-3
    assert computed.steps > 1


def test_the_energy_is_that_of_pyscf() -> None:
    from pyscf import dft, gto

    molecule = gto.M(atom="H 0 0 0; H 0 0 0.78", basis="6-31g**", cart=False, verbose=0)
    field = dft.RKS(molecule)
    field.xc, field.grids.level = "pbe0", 1
    engine = engine_of("pyscf:PBE0/6-31G**", grid=1)
    assert engine.method == "pbe0/6-31g(d,p)"
    assert "grid 1" in engine.version
    assert engine.compute(*HYDROGEN, 0, 1).energy == pytest.approx(27.211386245988 * field.kernel(), abs=1e-5)


def test_options() -> None:
    assert "conformer" in engine_of("pyscf:pbe/sto-3g", grid=0).caution
    assert engine_of("pyscf:pbe/sto-3g").caution == ""
    fitted = engine_of("pyscf:pbe/def2-svp", density_fit=True, grid=1)
    assert fitted.version.endswith("grid 1, density fitting")
    exact = engine_of("pyscf:pbe/def2-svp", grid=1).compute(*HYDROGEN, 0, 1)
    assert fitted.compute(*HYDROGEN, 0, 1).energy == pytest.approx(exact.energy, abs=0.02)
    assert fitted.compute(*HYDROGEN, 0, 1).energy != exact.energy


def test_every_functional_is_one_of_pyscf() -> None:
    from pyscf.dft import libxc

    parsed = [str(libxc.parse_xc(name.replace("-", "_"))) for name in FUNCTIONALS]
    assert len({*parsed}) == len(FUNCTIONALS)


def test_what_is_not_offered_is_refused_in_one_line() -> None:
    for name, message in (
        ("wb97m/def2-svp", "functional of PySCF labels 'wb97m'"),
        ("b2plyp/def2-svp", "functional of PySCF labels 'b2plyp'"),
        ("pbe-d3/def2-svp", "functional of PySCF labels 'pbe-d3'"),
        ("pbe/def2-svpp", "basis set 'def2-svpp'"),
    ):
        with pytest.raises(UnknownNameError, match=message):
            PyscfEngine.of(name)
    with pytest.raises(UsageError, match="state the basis set: pyscf:pbe/def2-svp"):
        PyscfEngine.of("pbe")
    with pytest.raises(UsageError, match="PySCF does not offer the basis set light"):
        PyscfEngine.of("pbe/light")
    with pytest.raises(UsageError, match="grid level is 0 to 9, got 10"):
        PyscfEngine.of("pbe/def2-svp", 10)


def test_frames_without_a_basis_or_an_end_have_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnlabelledError, match=r"PySCF has no 6-31g\(d\) basis for Gd"):
        engine_of("pyscf:pbe/6-31g*").compute(np.array([64], np.uint8), np.zeros((1, 3)), 0, 9)
    monkeypatch.setattr("hooke.atoms.engines.density_functional.MOST_CYCLES", 1)
    with pytest.raises(UnlabelledError, match="PySCF: SCF not converged in 1 cycles"):
        engine_of("pyscf:pbe/6-31g*").compute(*HYDROGEN, 0, 1)


def test_heavy_atoms_of_def2_basis_sets_have_their_core_potential() -> None:
    """Iodide by def2 has 28 electrons less than the all-electron atom, an energy of about -298 hartree."""
    energy = engine_of("pyscf:hf/def2-svp").compute(np.array([53], np.uint8), np.zeros((1, 3)), -1, 1).energy
    assert energy / 27.211386245988 == pytest.approx(-297.5, abs=1.5)
