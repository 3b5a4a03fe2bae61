from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hooke.cells.targets import LEVEL, column_labels, label_values
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label

TABLE = pl.DataFrame(
    {
        "gene": ["B", "", None, "A", "B"],
        "arm": pl.Series(["1p", "1q", "1p", None, "1p"], dtype=pl.Categorical),
        "dose": [1.0, None, float("nan"), 3.5, 1.0],
        "toxic": [1, 0, 0, None, 1],
        "alive": [True, False, None, True, True],
        "plate": ["P", "P", "P", "", "P"],
        "day": pl.Series([1, 2, 3, 4, 5], dtype=pl.Int64).cast(pl.Datetime),
        "row": [1, 2, 3, 4, 5],
    }
)


def test_kinds_follow_from_the_columns() -> None:
    labels = column_labels(TABLE, ["gene", "arm", "dose", "toxic", "alive"])
    assert labels == (
        Label("gene", LEVEL, "multiclass", classes=2, names=("A", "B")),
        Label("arm", LEVEL, "multiclass", classes=2, names=("1p", "1q")),
        Label("dose", LEVEL),
        Label("toxic", LEVEL, "binary"),
        Label("alive", LEVEL, "binary"),
    )
    expected = [
        [1, 0, 1.0, 1, 1],
        [np.nan, 1, np.nan, 0, 0],
        [np.nan, 0, np.nan, 0, np.nan],
        [0, np.nan, 3.5, np.nan, 1],
        [1, 0, 1.0, 1, 1],
    ]
    assert np.array_equal(label_values(TABLE, labels), np.array(expected, np.float32), equal_nan=True)


def test_other_tables_are_read_by_the_names_of_the_classes() -> None:
    labels = column_labels(TABLE, ["gene", "dose"])
    other = pl.DataFrame({"gene": ["C", "A"]})
    assert np.array_equal(label_values(other, labels), [[np.nan, np.nan], [0, np.nan]], equal_nan=True)


def test_columns_that_are_no_labels() -> None:
    assert column_labels(TABLE, []) == ()
    large = pl.DataFrame({"position": [1e8 + 1.25, 1e8 - 2.5, None, 1e8 + 4.0]})
    [label] = column_labels(large, ["position"])
    assert label.offset == 1e8
    assert np.array_equal(label_values(large, [label])[:, 0], np.array([1.25, -2.5, np.nan, 4.0]), equal_nan=True)
    assert len(column_labels(TABLE, ["gene", "gene"])) == 1
    with pytest.raises(UnknownNameError, match="Did you mean 'gene'"):
        column_labels(TABLE, ["gen"])
    with pytest.raises(UsageError, match="'plate' has 1 different values"):
        column_labels(TABLE, ["plate"])
    with pytest.raises(UsageError, match="made of texts or numbers"):
        column_labels(TABLE, ["day"])
    with pytest.raises(UsageError, match="cannot be called 'row'"):
        column_labels(TABLE, ["row"])
