"""Tables as CSV that every program reads: an empty cell where a number is not finite."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def csv_text(frame: pl.DataFrame) -> str:
    """A table as CSV; NaN and infinities are empty cells, as null is."""
    import polars.selectors as selectors

    numbers = selectors.float()
    return frame.with_columns(numbers.replace([float("inf"), float("-inf")], None).fill_nan(None)).write_csv()
