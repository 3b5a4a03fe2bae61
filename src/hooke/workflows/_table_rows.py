"""Rows of a table of molecules that a verb repeats in its output, whatever its columns are called."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from hooke.molecules.source import TableRows
from hooke.molecules.tables.reading import read_table


def output_names(columns: Sequence[str], taken: Collection[str]) -> dict[str, str]:
    """Column of a table → its name in the output, with `_input` where the output has a column of its own of that name."""
    names: dict[str, str] = {}
    for column in columns:
        name = column
        while name in taken or name in names.values():
            name += "_input"
        names[column] = name
    return names


def table_rows(table: TableRows, skip: int = 0) -> Iterator[tuple[int, dict[str, str], str]]:
    """(number from 1, cells, why the row is none or "") of each row after the first `skip`."""
    for chunk in read_table(table.path):
        if skip >= len(chunk):
            skip -= len(chunk)
            continue
        for place in range(skip, len(chunk)):
            cells = {name: values[place] for name, values in chunk.columns.items()}
            yield chunk.first_row + place, cells, chunk.broken.get(chunk.first_row + place, "")
        skip = 0


def cells_of(names: dict[str, str], cells: dict[str, str]) -> dict[str, Any]:
    """The cells of a row under their names in the output; None where empty."""
    return {name: cells[column] or None for column, name in names.items()}
