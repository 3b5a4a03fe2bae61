"""Cells of CSV files that spreadsheets would run as formulas, escaped by an apostrophe (CWE-1236)."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from hooke.core.errors import UsageError

_BEGINS = r"^[=+\-@\t\r\n]"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def refuse_formulas(output: Path) -> None:
    """Refuse escaping in what is no CSV file.

    Raises:
        UsageError: It is none.
    """
    if output.suffix.lower() != ".csv":
        raise UsageError(f"formulas are escaped in CSV files alone, {output.name} is none: leave out --escape-formulas")


def escaped(table: pa.Table) -> pa.Table:
    """The table with an apostrophe before every text, names of columns too, that begins with = + - @ or a control character.

    Numbers, also those that stand as text, are left as they are.
    """
    columns = [
        _escaped(column) if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) else column
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, names=escaped_names(table.schema.names))


def escaped_names(names: list[str]) -> list[str]:
    """Names of columns, escaped likewise."""
    return list(map(str, _escaped(pa.chunked_array([pa.array(names, pa.string())])).to_pylist()))


def _escaped(column: pa.ChunkedArray) -> pa.ChunkedArray:
    formula = pc.and_(pc.match_substring_regex(column, _BEGINS), pc.invert(pc.match_substring_regex(column, _NUMBER)))
    marked = pc.binary_join_element_wise(pa.scalar("'", column.type), column, pa.scalar("", column.type))
    return pc.if_else(formula, marked, column)
