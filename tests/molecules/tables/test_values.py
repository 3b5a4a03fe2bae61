"""Cells to numbers: censored values, words, transforms, and which columns are labels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooke.core.errors import DataError, UsageError
from hooke.core.label import Label
from hooke.evaluate.blending import better_as_logarithms
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


@pytest.mark.parametrize("text", ["abc", "1.2.3", "10 uM", "1,234", "> ", "1_0", "inf", "٣", "1\n2", "1" * 1_000_000])
def test_unreadable_cells_say_so(text: str) -> None:
    cell = parse_cell(text)
    assert math.isnan(cell.value)
    assert "is not a number" in cell.problem
    assert len(cell.problem) < 150


def test_hints_for_common_mistakes() -> None:
    assert "it could be 1.234 or 1234" in parse_cell("1,234").problem
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
     ("dose_id", ["1.5", "2", "3", "4"], ""), ("half steps", ["0.5", "1.5", "2.5", "3.5"], ""), ("back", ["9", "8", "7", "6"], "running"),
     ("Unnamed: 0", ["0", "2", "9", "4"], "identifier"), ("PubChem_CID", ["1", "1", "1", "1"], "identifier"),
     ("year", ["2001", "1998", "2001", ""], "years"), ("years to onset", ["1", "5", "3", "2"], ""),
     ("compound", ["4", "9", "2", "7"], "identifier"),
     ("ligand", ["0", "1", "1", "0"], ""), ("made", ["2010-01-11", "2011-02-11", "", "2009"], "dates"),
     ("date", ["20100111", "20110211", "20120101", "20090101"], "dates"),
     ("seen", ["11.1.2010", "12.1.2010", "13.1.2010", "x"], "text"), ("cas", ["50-00-0", "51-00-1", "", "64-17-5"], "text")],
)  # fmt: skip
def test_what_auto_takes(name: str, cells: list[str], reason: str) -> None:
    found = profile(cells, name).no_label()
    assert found == "" if not reason else reason in found


@pytest.mark.parametrize("words", ["n.t.", "not tested;insoluble;n.d.", "n.t.;N.T.; n.t. "])
def test_numbers_among_words_that_say_nothing_was_measured(words: str) -> None:
    numbers = [f"{number}.5" for number in (3, 1, 4, 1, 5, 9, 2, 6, 5, 3)]
    assert profile([*numbers, *words.split(";") * 20]).no_label() == ""
    assert profile([*numbers[:9], *words.split(";") * 20]).no_label().startswith("text (9 of ")
    names = [f"compound {number}" for number in range(20)]
    assert profile([*numbers, *names]).no_label() == "text (10 of 30 cells are numbers)"


def test_doubts_that_count_beside_other_labels() -> None:
    gaps = [str(number * 3 + number % 2) for number in range(12)]
    assert "with gaps" in profile(gaps).no_label_beside_others()
    assert profile([*gaps, gaps[-1]]).no_label_beside_others() == ""
    assert profile(gaps[:9]).no_label_beside_others() == ""
    assert profile([str(4**number) for number in range(12)]).no_label_beside_others() == ""  # a sorted measurement
    assert profile([f"{number}.5" for number in range(12)]).no_label_beside_others() == ""
    shuffled = [str(number * 5 % 12 + 7) for number in range(12)]
    assert "once" in profile(shuffled).no_label_beside_others()
    assert profile([*shuffled[:11], shuffled[0]]).no_label_beside_others() == ""
    assert profile(["3.5", "3.5", ""]).no_label_beside_others() == "constant (3.5 in every row)"
    assert profile([">3.5", "3.5", ""]).no_label_beside_others() == ""


@pytest.mark.parametrize("dirt", ["2", ">1", "-1", "0.5", "99", "<1"])
def test_one_dirty_cell_leaves_a_column_of_classes_binary(dirt: str) -> None:
    clean = ["0", "1", "yes", "inactive", "1", "0", "1", "1", "0"]
    assert profile([*clean, dirt]).label(PLAIN).kind == "binary"
    assert profile([dirt, *clean[:8]]).label(PLAIN).kind == "regression"  # one of nine
    assert profile([*clean, dirt, dirt]).label(PLAIN).kind == "regression"
    assert profile([*clean * 4, dirt, dirt]).label(PLAIN).kind == "regression"
    assert profile([*clean * 5, dirt, dirt]).label(PLAIN).kind == "binary"
    assert profile([*["0"] * 20, "2"]).label(PLAIN).kind == "regression"  # no 1


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
    profile_of_large = ColumnProfile("y")
    profile_of_large.add(["100000001.1", "99999996.2", "99999998.4"])
    assert "subtract a constant" in profile_of_large.rounded()
    for fine in (["1", "2", "3"], ["6.1e-25", "1.2e-25"], ["100001.1", "99996.2"], ["3.5", "3.5"], []):
        profile = ColumnProfile("y")
        profile.add(fine)
        assert profile.rounded() == ""
        assert profile.offset() == 0
    plain = profile_of_large.label(PLAIN)
    assert plain.offset == 1e8
    assert stored_cell("100000001.1", plain).value == pytest.approx(1.1, abs=1e-7)
    assert profile_of_large.label(LabelOptions(transforms={"y": "log10"})).offset == 0


@pytest.mark.parametrize(
    ("cells", "names"),
    [
        (["Active", "inactive", "", "active", "INACTIVE"], ("inactive", "Active")),
        (["yes", "NO", "n/a"], ("NO", "yes")),
        (["TRUE", "TRUE"], ("false", "TRUE")),
        (["active", "0", "1"], ()),
        (["active", "no"], ()),
        (["0", "1"], ()),
    ],
)
def test_classes_written_as_words_keep_them(cells: list[str], names: tuple[str, ...]) -> None:
    profile = ColumnProfile("hit")
    profile.add(cells)
    label = profile.label(LabelOptions())
    assert (label.kind, label.names) == ("binary", names)
    assert label.class_names == (names or ("0", "1"))


@pytest.mark.parametrize(
    ("name", "cells", "offered"),
    [
        ("IC50 (nM)", ["5", "50"], '--transform "IC50 (nM)=pIC50"'),
        ("Ki_uM", ["5", ">50"], "--transform Ki_uM=pKi"),
        ("IC50 (nM)", ["0", "50"], ""),
        ("IC50", ["5", "50"], ""),
        ("IC50", ["5", "5000"], '--transform IC50=pIC50 "data.units."'),
        ("activity", ["0.01", "12"], "--transform activity=pActivity"),
        ("activity", ["0.02", "12"], ""),
        ("pIC50", ["0.001", "9"], ""),
        ("MIC (ug/mL)", ["0.01", "64"], '--transform "MIC (ug/mL)=log10"'),
        ("active", ["0", "1"], ""),
        ("$x", ["1", "2000"], "--transform '$x=pX'"),
        ("n", ["-1", "5000"], ""),
        ("t half", ["1", "2", "3", "5", "8", "13", "22", "40", "70", "120"], '--transform "t half=log10"'),
        ("t half", ["0", "2", "3", "5", "8", "13", "22", "40", "70", "120"], ""),
        ("t half", ["2", "3", "5", "8", "13", "22", "40", "70", "120"], ""),
        ("mass", ["100", "101", "99", "103", "97", "100", "102", "98", "104", "96"], ""),
        ("constant", ["7"] * 12, ""),
    ],
)
def test_logarithms_are_offered(name: str, cells: list[str], offered: str) -> None:
    why, option = profile(cells, name).offer()
    assert option.replace("'data.units.\"IC50\"=nM'", '"data.units."').startswith(offered) if offered else not option
    assert bool(why) == bool(option)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_long_tails_are_those_of_the_automatic_choice(scale: float) -> None:
    """Counted cell by cell or of the whole column: the same decision, and the skewness that is said is numpy's."""
    generator = np.random.default_rng(0)
    for spread in (0.1, 0.3, 0.5, 1.0):
        values = scale * np.exp(generator.normal(0, spread, 200))
        why, option = profile([repr(value) for value in values.tolist()], "clearance").offer()
        assert bool(option) == better_as_logarithms(values)
        if why:
            away = values - values.mean()
            assert f"(skewness {np.mean(away**3) / np.mean(away**2) ** 1.5:.1f}, " in why


def test_p_values() -> None:
    options = LabelOptions(transforms={"IC50 (nM)": "pIC50", "a": "pA"}, units={"a": "uM"})
    label = profile(["5", "7"], "IC50 (nM)").label(options)
    assert label == Label("pIC50", unit="-log10 M", transform="minus_log10", original="IC50 (nM)", original_unit="nM")
    assert stored_cell("<10", label, options.conversion("IC50 (nM)")) == Cell(8.0, 1)
    assert stored_cell(">1000", label, options.conversion("IC50 (nM)")) == Cell(pytest.approx(6.0), -1)
    assert "no logarithm" in stored_cell("0", label, options.conversion("IC50 (nM)")).problem
    assert options.conversion("a") == ("uM", "M")
    bare = profile(["5", "7"], "b").label(LabelOptions(transforms={"b": "pB"}))
    assert (bare.name, bare.unit, bare.original_unit) == ("pB", "", "")
    assert stored_cell("100", bare) == Cell(-2.0)
    assert profile(["5", "7"], "Ki_nM").label(PLAIN) == Label("Ki_nM", unit="nM")
    with pytest.raises(DataError, match="logarithms already"):
        profile(["-5", "-7"], "x").label(LabelOptions(transforms={"x": "pX"}))


@pytest.mark.parametrize(
    ("text", "comma", "value"),
    [
        ("1,5", None, 1.5), ("-0,25", None, -0.25), ("0,123", None, 0.123), ("1.234,5", None, 1234.5), ("1,234.5", None, 1234.5),
        ("1,234,567", None, 1234567), ("1 234.5", None, 1234.5), ("1'234", None, 1234), ("1 234 567,8", None, 1234567.8),
        ("1.234.567", None, 1234567), ("1,234", True, 1.234), ("1,234", False, 1234), ("12,34", False, 12.34), ("1,5e-3", None, 0.0015),
        (">1,5", None, 1.5), ("1.234", None, 1.234), ("1,234", None, math.nan), ("1.234", True, math.nan), ("1,2,3", None, math.nan),
        ("12,3456,7", None, math.nan),
    ],
)  # fmt: skip
def test_decimal_commas_and_thousands(text: str, comma: bool | None, value: float) -> None:
    cell = parse_cell(text, comma)
    assert math.isnan(cell.value) if math.isnan(value) else cell.value == pytest.approx(value, rel=1e-15)
    assert bool(cell.problem) == math.isnan(value)


def test_a_column_tells_what_its_commas_are() -> None:
    for cells, comma in (
        (["1,234", "1,5"], True),
        (["1,234", "1,234.5"], False),
        (["1,234"], None),
        (["1,5", "1,234.5"], None),
    ):
        profile = ColumnProfile("y")
        profile.add(cells)
        assert profile.comma is comma
