"""Cells of label columns to numbers: censored values, transforms, and what kind a column is."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.labels import Label, Transform

MISSING = frozenset({"", "nan", "na", "n/a", "none", "null", "nd", "-", "?"})
_NUMBER = re.compile(r"^(?P<sign>>=|<=|>|<|~|=)?\s*(?P<number>[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$")
_WORDS = {"true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "active": 1.0, "inactive": 0.0}
_BOUNDS = {">": 1, ">=": 1, "<": -1, "<=": -1}


@dataclass(frozen=True)
class Cell:
    """One parsed label: value NaN when missing; bound +1 for ">", -1 for "<", 0 exact; problem "" when readable."""

    value: float
    bound: int = 0
    problem: str = ""


def parse_cell(text: str) -> Cell:
    """Read one cell: a number, a censored number (">10"), a yes/no word, or missing. "~3" counts as 3."""
    cleaned = text.strip()
    lowered = cleaned.lower()
    if lowered in MISSING:
        return Cell(math.nan)
    if lowered in _WORDS:
        return Cell(_WORDS[lowered])
    match = _NUMBER.match(cleaned)
    if match is None:
        return Cell(math.nan, problem=f"{cleaned[:40]!r} is not a number")
    return Cell(float(match["number"]), _BOUNDS.get(match["sign"] or "", 0))


def transform(cell: Cell, kind: Transform) -> Cell:
    """Apply a label's transform; the direction of a bound turns with a falling transform."""
    if kind == "none" or math.isnan(cell.value):
        return cell
    if kind == "log1p":
        return Cell(math.log1p(cell.value), cell.bound) if cell.value > -1 else _not_positive(cell)
    if cell.value <= 0:
        return _not_positive(cell)
    logarithm = math.log10(cell.value)
    return Cell(-logarithm, -cell.bound) if kind == "minus_log10" else Cell(logarithm, cell.bound)


def _not_positive(cell: Cell) -> Cell:
    return Cell(math.nan, problem=f"{cell.value:g} has no logarithm")


def infer_labels(
    columns: Mapping[str, Sequence[str]], exclude: Sequence[str], units: Mapping[str, str] | None = None
) -> tuple[list[Label], dict[str, str]]:
    """Which columns are labels, and of what kind ("auto").

    A column is a label if at least half of its filled cells are numbers and it is not a running number. It is binary if all its
    numbers are 0 and 1, else a regression.

    Returns:
        labels: One `Label` a column.
        ignored: Column -> why it is no label.
    """
    labels, ignored = [], {}
    for name, cells in columns.items():
        if name in exclude:
            continue
        parsed = [parse_cell(cell) for cell in cells]
        values = [cell.value for cell in parsed if not math.isnan(cell.value)]
        filled = len(values) + sum(bool(cell.problem) for cell in parsed)
        if not filled:
            ignored[name] = "empty"
        elif len(values) < filled / 2:
            ignored[name] = "text"
        elif _is_identifier(name, values):
            ignored[name] = "an identifier (running number)"
        elif set(values) <= {0.0, 1.0}:
            labels.append(Label(name, kind="binary"))
        else:
            labels.append(Label(name, unit=(units or {}).get(name, "")))
    return labels, ignored


def _is_identifier(name: str, values: Sequence[float]) -> bool:
    running = len(values) > 2 and all(after - before == 1 for before, after in zip(values[:-1], values[1:], strict=True))
    named = name.lower() in ("id", "index", "row", "number", "cid", "") or name.lower().endswith(("_id", " id"))
    return running or (named and all(value == int(value) for value in values))


def named_labels(
    names: Sequence[str],
    columns: Mapping[str, Sequence[str]],
    units: Mapping[str, str] | None = None,
    transforms: Mapping[str, Transform] | None = None,
) -> list[Label]:
    """Labels for columns that the user named.

    Raises:
        UnknownNameError: A name that is no column.
        DataError: A column without a single number.
    """
    labels = []
    for name in names:
        if name not in columns:
            raise UnknownNameError("target column", name, columns)
        values = {cell.value for cell in map(parse_cell, columns[name]) if not math.isnan(cell.value)}
        if not values:
            raise DataError(f"target column {name!r} holds no number")
        kind = (transforms or {}).get(name, "none")
        if kind == "none" and values <= {0.0, 1.0}:
            labels.append(Label(name, kind="binary"))
        else:
            labels.append(Label(name, unit=(units or {}).get(name, ""), transform=kind))
    return labels
