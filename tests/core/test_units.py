from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.units import Unit, convert, convert_cell, dimension, factor, parse_unit, unit_name, units_of


@dataclass(frozen=True)
class Cell:
    value: float
    bound: int = 0
    problem: str = ""


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (1.0, "hartree", "kcal/mol", 627.5094740631),  # CODATA 2018
        (1.0, "hartree", "kJ/mol", 2625.4996394799),
        (1.0, "kcal/mol", "kJ/mol", 4.184),
        (1.0, "eV", "kJ/mol", 96.48533212331),
        (250.0, "nM", "uM", 0.25),
        (1.0, "mol/L", "mM", 1000.0),
        (1.0, "bohr", "angstrom", 0.529177210903),
        (90.0, "%", "fraction", 0.9),
        (3.0, "log10 nM", "log10 M", -6.0),
        (1000.0, "nM", "-log10 M", 6.0),
        (6.0, "-log10 M", "nM", 1000.0),
        (6.0, "-log10 M", "log10 uM", 0.0),
    ],
)
def test_conversions(value: float, source: str, target: str, expected: float) -> None:
    assert convert(value, source, target) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@given(
    st.floats(1e-6, 1e6), st.sampled_from(["M", "log10 uM", "-log10 M", "nM"]), st.sampled_from(["pM", "log10 M", "mM"])
)
def test_there_and_back(value: float, source: str, target: str) -> None:
    start = convert(value, "M", source)
    assert convert(convert(start, source, target), target, source) == pytest.approx(start, rel=1e-9, abs=1e-9)


def test_units_that_do_not_exist_or_do_not_convert() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'kcal/mol'"):
        factor("kcal/mole", "eV")
    with pytest.raises(UsageError, match="molecular weight"):
        convert(1.0, "mg/L", "log10 M")
    with pytest.raises(UsageError, match=r"energy.*length"):
        factor("eV", "bohr")
    assert parse_unit(" -log10 M ") == Unit("M", -1)


def test_cells_keep_their_bound_and_turn_it_where_the_scale_falls() -> None:
    converted = convert_cell(Cell(10.0, 1), "uM", "nM")
    assert (converted.value, converted.bound) == (pytest.approx(10_000.0), 1)
    assert convert_cell(Cell(10.0, 1), "uM", "-log10 M").bound == -1
    assert convert_cell(Cell(5.0, 1), "-log10 M", "uM").bound == -1
    assert convert_cell(Cell(5.0, 1), "-log10 M", "-log10 nM").bound == 1


def test_cells_without_a_logarithm_say_so() -> None:
    cell = convert_cell(Cell(0.0), "uM", "log10 M")
    assert math.isnan(cell.value)
    assert cell.problem == "0 has no logarithm"
    missing = Cell(math.nan, problem="'x' is not a number")
    assert convert_cell(missing, "uM", "nM") is missing


# CODATA 2018 as exact fractions, written down independently of the table: joule and metre of each unit.
_E, _N, _H, _C = (Fraction(text) for text in ("1.602176634e-19", "6.02214076e23", "6.62607015e-34", "299792458"))
ENERGIES = {
    "eV": _E,
    "meV": _E / 1000,
    "hartree": Fraction("27.211386245988") * _E,
    "mhartree": Fraction("27.211386245988") * _E / 1000,
    "rydberg": Fraction("27.211386245988") * _E / 2,
    "kcal/mol": 4184 / _N,
    "kJ/mol": 1000 / _N,
    "1/cm": _H * _C * 100,
}
LENGTHS = {
    "angstrom": Fraction("1e-10"),
    "nm": Fraction("1e-9"),
    "pm": Fraction("1e-12"),
    "bohr": Fraction("0.529177210903e-10"),
}
FORCES = {f"{energy}/{length}": ENERGIES[energy] / LENGTHS[length] for energy, length in product(ENERGIES, LENGTHS)}
CURVATURES = {
    f"{name}/{length}^2": ENERGIES[name] / LENGTHS[length] ** 2 for name, length in product(ENERGIES, LENGTHS)
}
DIPOLES = {"debye": Fraction("1e-21") / _C, "e*bohr": _E * LENGTHS["bohr"], "e*angstrom": _E * LENGTHS["angstrom"]}


@pytest.mark.parametrize("units", [ENERGIES, LENGTHS, FORCES, CURVATURES, DIPOLES])
def test_every_pair_is_that_of_codata(units: dict[str, Fraction]) -> None:
    for source, target in product(units, units):
        exact = units[source] / units[target]
        assert abs(Fraction(factor(source, target)) / exact - 1) < Fraction("1e-12"), (source, target)


@pytest.mark.parametrize("units", [ENERGIES, LENGTHS, FORCES])
def test_conversions_do_not_depend_on_the_path(units: dict[str, Fraction]) -> None:
    for first, second, third in product(list(units)[::2], units, list(units)[::3]):
        direct = factor(first, third)
        assert factor(first, second) * factor(second, third) == pytest.approx(direct, rel=1e-14)


def test_the_table_has_no_energy_or_length_beside_those_checked() -> None:
    assert set(units_of("energy")) == set(ENERGIES)
    assert set(units_of("length")) == set(LENGTHS)
    assert set(units_of("dipole")) == set(DIPOLES)


def test_quotients() -> None:
    assert dimension("kcal/mol/angstrom") == "energy/length"
    assert dimension("eV/angstrom^3") == "energy/length^3"
    assert dimension("kJ/mol") == "energy"
    for wrong in ("eV/", "eV/angstrom^1", "eV/angstrom^12", "/nm", "eV/parsec", "eV/nm/", ""):
        with pytest.raises(UnknownNameError):
            dimension(wrong)
    with pytest.raises(UsageError, match=r"energy/length.*to eV \(energy\)"):
        factor("hartree/bohr", "eV")


def test_spellings_of_files() -> None:
    assert [unit_name(text) for text in ("Å", "nanometers", "Hartree/Bohr", "Ha/Å^2", "eV")] == [
        "angstrom",
        "nm",
        "hartree/bohr",
        "hartree/angstrom^2",
        "eV",
    ]
    assert factor("Eh/a0", "hartree/bohr") == 1
    with pytest.raises(UnknownNameError, match="unknown unit 'MeV'"):
        factor("MeV", "eV")  # a million eV, not a thousandth
