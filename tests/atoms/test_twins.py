from __future__ import annotations

import numpy as np
import pytest

from hooke.atoms.facts import Facts
from hooke.atoms.twins import in_source_units, made_frames, morse
from hooke.core.units import factor

SAPT = tuple(f"sapt0/aug-cc-pvdz#{term}" for term in ("electrostatics", "exchange", "induction", "dispersion", "total"))


@pytest.mark.parametrize("monomers", [np.zeros((0, 4), np.int32), np.array([[0, 2, 0, 1], [2, 5, 0, 1]], np.int32)])
def test_forces_are_the_negative_derivative(monomers: np.ndarray) -> None:
    positions = np.random.default_rng(0).normal(size=(5, 3)) * 1.5
    _, forces = morse(positions, monomers)
    for atom in range(5):
        for axis in range(3):
            moved = [positions.copy(), positions.copy()]
            moved[0][atom, axis] += 1e-5
            moved[1][atom, axis] -= 1e-5
            slope = (morse(moved[0], monomers)[0] - morse(moved[1], monomers)[0]) / 2e-5
            assert forces[atom, axis] == pytest.approx(-slope, rel=1e-6, abs=1e-8)


def test_the_terms_of_an_interaction_add_up() -> None:
    frames = made_frames(Facts("eV", "angstrom", energy_kind="interaction", methods=SAPT))
    np.testing.assert_allclose(frames.energies[:, :4].sum(axis=1), frames.energies[:, 4], atol=1e-12)
    assert (np.diff(frames.monomer_offsets) == 2).all()


def test_columns_differ_and_units_are_those_of_the_source() -> None:
    facts = Facts("kcal/mol", "nm", "kcal/mol/nm", "gradient", "total", ("gfn2", "gfn1"), ("gfn1",))
    frames = made_frames(facts, seed=1)
    assert not np.allclose(frames.energies[:, 0], frames.energies[:, 1])
    source = in_source_units(frames, facts)
    np.testing.assert_allclose(source.positions * 10, frames.positions, rtol=1e-14)
    np.testing.assert_allclose(source.energies * factor("kcal/mol", "eV"), frames.energies, rtol=1e-14)
    np.testing.assert_allclose(source.forces * factor("kcal/mol/nm", "eV/angstrom"), -frames.forces, rtol=1e-13)
