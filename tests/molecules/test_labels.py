"""Cells to numbers: censored values, words, transforms, and which columns are labels."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.labels import Label
from hooke.molecules.labels import Cell, infer_labels, named_labels, parse_cell, transform


@pytest.mark.parametrize(
    ("text", "value", "bound"),
    [("1.5", 1.5, 0), (">10", 10, 1), ("<= 5", 5, -1), ("~3", 3, 0), ("=2", 2, 0), ("1e-3", 1e-3, 0), ("-.5", -0.5, 0),
     ("Active", 1, 0), ("no", 0, 0)],
)  # fmt: skip
def test_readable_cells(text: str, value: float, bound: int) -> None:
    assert parse_cell(text) == Cell(value, bound)


@pytest.mark.parametrize("text", ["", " ", "NaN", "n/a", "ND", "-", "?"])
def test_missing_cells(text: str) -> None:
    cell = parse_cell(text)
    assert math.isnan(cell.value)
    assert not cell.problem


@pytest.mark.parametrize("text", ["abc", "1.2.3", "10 uM", "1,5", "> "])
def test_unreadable_cells_say_so(text: str) -> None:
    cell = parse_cell(text)
    assert math.isnan(cell.value)
    assert "is not a number" in cell.problem


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


def test_auto_targets() -> None:
    columns = {
        "smiles": ["C", "CC", "CCC", "CO"], "compound_id": ["7", "3", "9", "1"], "index": ["1", "2", "3", "4"], "ic50": [">10", "2", "", "x"],
        "active": ["1", "0", "1", ""], "comment": ["a", "b", "3", ""], "nothing": ["", "", "", ""], "count": ["2", "5", "2", "1"],
    }  # fmt: skip
    labels, ignored = infer_labels(columns, ["smiles"], {"ic50": "uM"})
    assert labels == [Label("ic50", unit="uM"), Label("active", kind="binary"), Label("count")]
    assert ignored["comment"] == "text"
    assert ignored["nothing"] == "empty"
    assert "identifier" in ignored["compound_id"]
    assert "identifier" in ignored["index"]


def test_named_targets() -> None:
    columns = {"y": ["1", "2"], "b": ["0", "1"], "t": ["a", "b"]}
    assert named_labels(["y", "b"], columns, {"y": "nM"}, {"y": "log10"}) == [
        Label("y", unit="nM", transform="log10"), Label("b", kind="binary"),
    ]  # fmt: skip
    with pytest.raises(UnknownNameError, match="Did you mean 'y'|Valid"):
        named_labels(["yy"], columns)
    with pytest.raises(DataError, match="holds no number"):
        named_labels(["t"], columns)
