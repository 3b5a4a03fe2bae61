from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hooke.atoms.elements import NUMBERS
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.diffraction.structure import (
    Structure,
    amplitudes,
    direct_intensities,
    form_factor,
    form_factor_table,
    intensities,
    mixed_fractions,
    read_structure,
    refuse_unscattering,
)


def test_form_factors_start_at_the_number_of_electrons() -> None:
    table = form_factor_table()
    assert len(table) == 98
    for element in table:
        assert form_factor(element, np.zeros(1))[0] == pytest.approx(NUMBERS[element], abs=0.1)
    falling = form_factor("C", np.linspace(0, 1.5, 40))
    assert (np.diff(falling) < 0).all()
    assert form_factor("C", np.array([1.0]))[0] == pytest.approx(1.69, abs=0.01)  # sin θ / λ = 0.5 in the tables
    with pytest.raises(UnknownNameError):
        form_factor("Xx", np.zeros(1))


def test_intensities_are_those_of_the_sum_over_atoms(molecule: Structure) -> None:
    volume = intensities(molecule, 17, 0.01)
    index = np.argwhere(np.ones((17, 17, 17)))[::37]
    np.testing.assert_allclose(volume[tuple(index.T)], direct_intensities(molecule, (index - 8) * 0.01), rtol=1e-11)
    np.testing.assert_array_equal(volume, volume[::-1, ::-1, ::-1])
    np.testing.assert_allclose(np.abs(amplitudes(molecule, 17, 0.01)) ** 2, volume, rtol=1e-11)
    electrons = sum(
        form_factor(str(e), np.zeros(1))[0] * o for e, o in zip(molecule.elements, molecule.occupancies, strict=True)
    )
    assert volume[8, 8, 8] == pytest.approx(electrons**2)


def test_intensities_know_no_place_and_turn_with_the_molecule(molecule: Structure) -> None:
    volume = intensities(molecule, 9, 0.02)
    moved = replace(molecule, positions=molecule.positions + np.array([3.0, -7.0, 11.0]))
    np.testing.assert_allclose(intensities(moved, 9, 0.02), volume, rtol=1e-9)
    quarter = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    turned = replace(molecule, positions=molecule.positions @ quarter.T)
    np.testing.assert_allclose(intensities(turned, 9, 0.02), np.rot90(volume, 1, (0, 1)), rtol=1e-9)


def test_occupancy_and_displacement(molecule: Structure) -> None:
    half = replace(molecule, occupancies=molecule.occupancies / 2)
    np.testing.assert_allclose(intensities(half, 5, 0.02) * 4, intensities(molecule, 5, 0.02), rtol=1e-12)
    even = replace(molecule, displacement=np.full(len(molecule), 30.0))
    q2 = ((np.indices((5, 5, 5)) - 2) ** 2).sum(axis=0) * 0.02**2
    still = intensities(replace(even, displacement=np.zeros(len(molecule))), 5, 0.02)
    np.testing.assert_allclose(intensities(even, 5, 0.02), still * np.exp(-30 * q2 / 2), rtol=1e-11)


def test_diameter() -> None:
    places = np.array([[0.0, 0, 0], [30, 40, 0], [1, 1, 1]])
    pair = Structure(places, np.array(["C"] * 3), np.ones(3), np.zeros(3))
    assert 49 < pair.diameter <= 50


def test_refusals(molecule: Structure) -> None:
    with pytest.raises(UsageError, match="odd"):
        intensities(molecule, 8, 0.01)
    with pytest.raises(UsageError, match="finite"):
        intensities(molecule, 9, np.nan)
    with pytest.raises(DataError, match="no form factors of Es"):
        refuse_unscattering(replace(molecule, elements=np.array(["Es"] * len(molecule))))
    with pytest.raises(UsageError, match="as many fractions"):
        mixed_fractions(2, (0.5,))
    np.testing.assert_allclose(mixed_fractions(2, (3.0, 1.0)), [0.75, 0.25])


@pytest.mark.mirror
@pytest.mark.skipif("HOOKE_MIRROR" not in os.environ, reason="needs HOOKE_MIRROR")
def test_real_structures() -> None:
    folder = Path(os.environ["HOOKE_MIRROR"]) / "structures"
    atoms = {name: len(read_structure(folder / f"{name}.pdb.gz")) for name in ("4gxy", "6W8H", "1aki", "1hz5")}
    assert atoms == {"4gxy": 3685, "6W8H": 3410, "1aki": 1079, "1hz5": 973}
    for name in ("dhfr", "factorIX"):
        made = read_structure(folder / f"{name}.pdb.gz")
        assert (made.occupancies == 1).all()
        assert "occupancy of all" in made.notes[0]
    virus = read_structure(folder / "stmv.pdb.gz")
    assert virus.notes[0] == "949 atoms of element HO that are hydrogens by their names"
    assert set(virus.elements.tolist()) == {"C", "H", "N", "O", "P"}
    capsid = read_structure(folder / "1f2n.pdb.gz", assembly="1", waters=False)
    assert len(capsid) == 60 * len(read_structure(folder / "1f2n.pdb.gz", waters=False))
    assert len(read_structure(folder / "4gxy.pdb.gz", waters=False)) == 3684
