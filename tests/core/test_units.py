from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.units import Unit, convert, convert_cell, factor, parse_unit


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
