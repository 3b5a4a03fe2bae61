"""GFN2 and GFN1 by tblite, and what is common to engines."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.atoms.engines import UnlabelledError, engine_of, imported, refuse_impossible
from hooke.core.errors import UnknownNameError, UsageError

pytest.importorskip("tblite")
WATER = np.array([8, 1, 1], np.uint8), np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.96], [0.93, 0.0, -0.24]])


@pytest.mark.parametrize(("method", "energy"), [("gfn2", -137.9), ("GFN1-xTB", -156.9)])
def test_forces_are_the_negative_derivative_of_the_energy(method: str, energy: float) -> None:
    engine = engine_of(method)
    numbers, positions = WATER
    computed = engine.compute(numbers, positions, 0, 1)
    assert computed.energy == pytest.approx(energy, abs=0.2)
    assert 4 < computed.steps < 30
    step = 1e-3
    for atom, axis in ((0, 0), (2, 2)):
        shift = np.zeros_like(positions)
        shift[atom, axis] = step
        low, high = (engine.compute(numbers, positions + sign * shift, 0, 1).energy for sign in (-1, 1))
        assert computed.forces[atom, axis] == pytest.approx(-(high - low) / (2 * step), abs=2e-3)


def test_labels_do_not_depend_on_what_was_computed_before() -> None:
    engine = engine_of("gfn2")
    first = engine.compute(*WATER, 0, 1)
    engine.compute(WATER[0], 1.1 * WATER[1], 1, 2)
    again = engine.compute(*WATER, 0, 1)
    assert first.energy == again.energy
    assert np.array_equal(first.forces, again.forces)


def test_frames_that_tblite_refuses_have_a_reason() -> None:
    with pytest.raises(UnlabelledError, match="tblite: No support for elements with Z >86"):
        engine_of("gfn2").compute(np.array([92], np.uint8), np.zeros((1, 3)), 0, 1)


@pytest.mark.parametrize(
    ("numbers", "charge", "multiplicity", "reason"),
    [
        ([8, 1, 1], 0, 2, r"10 electrons \(charge 0\) have no state of multiplicity 2"),
        ([8, 1, 1], 1, 1, r"9 electrons \(charge 1\) have no state of multiplicity 1"),
        ([1], 0, 4, "have no state of multiplicity 4"),
        ([1], 2, 1, "have no state"),
        ([1], 1, 1, "no electrons"),
    ],
)
def test_impossible_charges_and_spins_are_refused(numbers, charge, multiplicity, reason) -> None:  # type: ignore[no-untyped-def]
    positions = np.arange(3.0 * len(numbers)).reshape(-1, 3)
    with pytest.raises(UnlabelledError, match=reason):
        refuse_impossible(np.array(numbers, np.uint8), positions, charge, multiplicity)


def test_atoms_in_one_place_are_refused() -> None:
    with pytest.raises(UnlabelledError, match="atoms 1 and 3 are less than 0.1 Å apart"):
        refuse_impossible(np.array([6, 8, 8], np.uint8), np.array([[0, 0, 0], [1, 0, 0], [0, 0, 0.05]]), 0, 1)


def test_methods_are_refused_in_one_line() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'gfn2'"):
        engine_of("gfn3")
    with pytest.raises(UnknownNameError, match="method of labels 'ccsd'"):
        engine_of("ccsd")
    with pytest.raises(UsageError, match=r"state the program of 'pbe/def2-svp': pyscf:pbe/def2-svp"):
        engine_of("pbe/def2-svp")
    with pytest.raises(UsageError, match="belong to pyscf:XC/BASIS, not to 'gfn2'"):
        engine_of("gfn2", grid=2)
    with pytest.raises(UsageError, match=r"need no_such_program: pip install 'hooke-bio\[quantum\]'"):
        imported("no_such_program.interface", "gfn2")
