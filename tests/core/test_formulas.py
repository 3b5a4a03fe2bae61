from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from hooke.core.errors import UsageError
from hooke.core.formulas import escaped, refuse_formulas


def test_texts_that_a_spreadsheet_would_run_are_escaped() -> None:
    given = [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "+x",
        "-x",
        "@SUM(A1)",
        "\tx",
        "\r=x",
        "\n=x",
        "-1.5",
        "+3e-4",
        "-.5",
        "C=C",
        "",
        None,
        "-",
    ]
    marked = [*given[:8], "-"]
    wanted = [f"'{text}" if text in marked else text for text in given]
    for kind in (pa.string(), pa.large_string()):
        table = pa.table({"=name": pa.array(given, kind), "y": pa.array(range(len(given)))})
        found = escaped(table)
        assert found.column_names == ["'=name", "y"]
        assert found.column(0).to_pylist() == wanted
        assert found.column(1).equals(table.column(1))
        assert found.schema.types == table.schema.types
    assert escaped(table.slice(0, 0)).column_names == ["'=name", "y"]


def test_only_csv_is_escaped() -> None:
    refuse_formulas(Path("a.CSV"))
    with pytest.raises(UsageError, match="a.parquet is none"):
        refuse_formulas(Path("a.parquet"))
