"""Cells to numbers: censored values, words, transforms, and which columns are labels."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooke.core.errors import DataError, UsageError
from hooke.core.label import Label
from hooke.molecules.tables.description import LabelOptions
from hooke.molecules.tables.values import Cell, ColumnProfile, parse_cell, stored_cell, transform

PLAIN = LabelOptions()


@pytest.mark.parametrize(
    ("text", "value", "bound"),
    [("1.5", 1.5, 0), (">10", 10, 1), ("<= 5", 5, -1), ("~3", 3, 0), ("=2", 2, 0), ("1e-3", 1e-3, 0), ("-.5", -0.5, 0),
     ("Active", 1, 0), ("no", 0, 0), ("≥ 4", 4, 1), (">>4", 4, 1), ("−2", -2, 0), ("< -1", -1, -1)],
)  # fmt: skip
def test_readable_cells(text: str, value: float, bound: int) -> None:
    assert parse_cell(text) == Cell(value, bound)


@pytest.mark.parametrize("text", ["", " ", "NaN", "n/a", "ND", "-", "?"])
def test_missing_cells(text: str) -> None:
    cell = parse_cell(text)
    assert math.isnan(cell.value)
    assert not cell.problem


@pytest.mark.parametrize("text", ["abc", "1.2.3", "10 uM", "1,5", "> ", "1_0", "inf", "٣", "1\n2", "1" * 1_000_000])
def test_unreadable_cells_say_so(text: str) -> None:
    cell = parse_cell(text)
    assert math.isnan(cell.value)
    assert "is not a number" in cell.problem
    assert len(cell.problem) < 150


def test_hints_for_common_mistakes() -> None:
    assert "decimal comma" in parse_cell("1,5").problem
    assert "too large" in parse_cell("1e39").problem
    assert "too large" in parse_cell("1e999").problem


@given(st.text(max_size=30))
def test_any_text_gives_a_cell(text: str) -> None:
    cell = parse_cell(text)
    assert math.isnan(cell.value) or not cell.problem
    assert cell.bound in (-1, 0, 1)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_numbers_come_back(number: float) -> None:
    assert parse_cell(repr(number)).value == number


def test_transforms_turn_bounds() -> None:
    assert transform(Cell(100.0, 1), "log10") == Cell(2.0, 1)
    assert transform(Cell(100.0, 1), "minus_log10") == Cell(-2.0, -1)
    assert transform(Cell(0.0), "log1p") == Cell(0.0)
    assert transform(Cell(3.0), "none") == Cell(3.0)
    assert "no logarithm" in transform(Cell(0.0), "log10").problem
    assert "no logarithm" in transform(Cell(-1.0), "log1p").problem
    assert math.isnan(transform(Cell(math.nan), "log10").value)


def profile(cells: list[str], name: str = "y") -> ColumnProfile:
    found = ColumnProfile(name)
    found.add(cells[:2])
    found.add(cells[2:])
    return found


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [("ic50", [">10", "2", "", "x"], ""), ("active", ["1", "0", "1", ""], ""), ("count", ["2", "5", "2", "1"], ""),
     ("note", ["a", "b", "3", ""], "text"), ("nothing", ["", "", "NA", ""], "empty"), ("words", ["a", "b", "", ""], "text"),
     ("compound_id", ["7", "3", "9", "1"], "identifier"), ("position", ["4", "5", "6", "7"], "identifier"),
     ("dose_id", ["1.5", "2", "3", "4"], "")],
)  # fmt: skip
def test_what_auto_takes(name: str, cells: list[str], reason: str) -> None:
    found = profile(cells, name).no_label()
    assert found == "" if not reason else reason in found


def test_kinds() -> None:
    assert profile(["1", "0", "1"]).label(PLAIN) == Label("y", kind="binary")
    assert profile(["1", "0", ">1"]).label(PLAIN) == Label("y")
    assert profile(["2", "0", "1"]).label(PLAIN) == Label("y")
    told = LabelOptions(kinds={"y": "ordinal"})
    assert profile(["2", "0", "1"]).label(told) == Label("y", kind="ordinal", classes=3)
    assert profile(["0", "1"]).label(LabelOptions(kinds={"y": "regression"})) == Label("y")
    for cells in (["0.5", "1"], ["-1", "1"], ["0", "0"], ["0", "5000"]):
        with pytest.raises(DataError, match="classes must be"):
            profile(cells).label(told)
    with pytest.raises(DataError, match="holds no number"):
        profile(["a"]).label(PLAIN)
    with pytest.raises(UsageError, match="cannot be transformed"):
        profile(["2", "0"]).label(LabelOptions(kinds={"y": "ordinal"}, transforms={"y": "log1p"}))


@pytest.mark.parametrize(
    ("options", "unit"),
    [(PLAIN, ""), (LabelOptions(units={"y": "nM"}), "nM"), (LabelOptions(units={"y": "nM"}, convert_to={"y": "M"}), "M"),
     (LabelOptions("auto", {}, {"y": "minus_log10"}, {"y": "nM"}, {"y": "M"}), "-log10 M"),
     (LabelOptions("auto", {}, {"y": "log1p"}, {"y": "nM"}), "log1p nM"), (LabelOptions(transforms={"y": "log10"}), "")],
)  # fmt: skip
def test_the_unit_is_that_of_the_stored_value(options: LabelOptions, unit: str) -> None:
    assert profile(["5", "7"]).label(options).unit == unit


def test_stored_cells() -> None:
    label = Label("y", transform="minus_log10")
    cell = stored_cell(">10", label, ("nM", "M"))
    assert (round(cell.value, 6), cell.bound) == (8.0, -1)
    assert "no logarithm" in stored_cell("0", label, ("nM", "M")).problem
    assert not stored_cell("", label, ("nM", "M")).problem
    classes = Label("z", kind="multiclass", classes=3)
    assert stored_cell("2", classes) == Cell(2.0)
    assert "no class from 0 to 2" in stored_cell("3", classes).problem
    assert "neither 0 nor 1" in stored_cell("<1", Label("b", kind="binary")).problem
    assert "neither 0 nor 1" in stored_cell("0.5", Label("b", kind="binary")).problem


def test_what_32_bits_cannot_hold_is_said() -> None:
    label = Label("y")
    assert "too small" in stored_cell("6.1e-50", label).problem
    assert stored_cell("6.1e-50", Label("y", transform="minus_log10")).value == pytest.approx(49.2147, abs=1e-3)
    assert stored_cell("6.1e-25", label).value == 6.1e-25
    assert stored_cell("0", label).value == 0
    profile = ColumnProfile("y")
    profile.add(["100000001.1", "99999996.2", "99999998.4"])
    assert "subtract a constant" in profile.rounded()
    for fine in (["1", "2", "3"], ["6.1e-25", "1.2e-25"], ["100001.1", "99996.2"], ["3.5", "3.5"], []):
        profile = ColumnProfile("y")
        profile.add(fine)
        assert profile.rounded() == ""
