"""No NaN and no infinity in a CSV."""

from __future__ import annotations

import polars as pl

from hooke.core.csv_text import csv_text


def test_what_is_not_finite_is_an_empty_cell() -> None:
    table = pl.DataFrame({"name": ["nan", "b", "c"], "x": [1.5, float("nan"), float("-inf")], "n": [1, None, 3]})
    assert csv_text(table) == "name,x,n\nnan,1.5,1\nb,,\nc,,3\n"
    assert csv_text(table.select("name")) == "name\nnan\nb\nc\n"
