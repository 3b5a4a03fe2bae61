"""Label columns of CSV and Parquet files: values, missing ones, lists, and damaged files."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from hooke.core.errors import DataError
from hooke.core.label import Label
from hooke.molecules.tables.label_columns import dense_labels, list_labels, read_batches, table_columns

FRAME = pl.DataFrame(
    {
        "smiles": ["C", "CC", None],
        "x": [1.5, None, -2.0],
        "flag": [True, False, None],
        "count": [0, 4, None],
        "other": ["a", "b", "c"],
    }
)


@pytest.fixture(params=["table.csv", "table.csv.gz", "table.parquet"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    if path.suffix == ".parquet":
        FRAME.write_parquet(path)
    else:
        text = FRAME.with_columns(pl.col("flag").cast(pl.Int8)).write_csv().encode()
        path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def test_columns_are_read_with_their_gaps(table: Path) -> None:
    assert table_columns(table) == FRAME.columns
    [batch] = read_batches(table, ["smiles", "x", "flag", "count"], {"smiles"})
    assert batch.column("smiles").to_pylist() == ["C", "CC", None]
    labels = {"count": Label("c", kind="ordinal", classes=5), "x": Label("x"), "flag": Label("f", kind="binary")}
    values = dense_labels(batch, labels, "table", 1)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, [[0, 1.5, 1], [4, np.nan, 0], [np.nan, -2, np.nan]])


@pytest.mark.parametrize(
    ("column", "label", "message"),
    [
        ("count", Label("c", kind="ordinal", classes=3), "t, row 12, 'count': 4 is not a class of 0 to 2"),
        ("x", Label("x", kind="binary"), "t, row 11, 'x': 1.5 is not a class of 0 to 1"),
    ],
)
def test_values_that_are_no_class_are_refused(table: Path, column: str, label: Label, message: str) -> None:
    [batch] = read_batches(table, [column], ())
    with pytest.raises(DataError) as caught:
        dense_labels(batch, {column: label}, "t", 11)
    assert str(caught.value) == message


def test_many_rows_come_in_pieces(tmp_path: Path) -> None:
    frame = pl.DataFrame({"x": np.arange(5000.0)})
    frame.write_csv(tmp_path / "many.csv")
    frame.write_parquet(tmp_path / "many.parquet")
    for name in ("many.csv", "many.parquet"):
        batches = list(read_batches(tmp_path / name, ["x"], ()))
        assert max(batch.num_rows for batch in batches) <= 2048
        assert np.concatenate([batch.column("x").to_numpy() for batch in batches]).tolist() == list(range(5000))


def test_damage_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.csv").write_text("smiles,x\nC,1\nCC,much\n")
    with pytest.raises(DataError, match=r"text\.csv cannot be read as a table of numbers.*much"):
        list(read_batches(tmp_path / "text.csv", ["x"], ()))
    FRAME.write_parquet(tmp_path / "whole.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "whole.parquet").read_bytes()[:-9])
    with pytest.raises(DataError, match=r"cut\.parquet cannot be read"):
        table_columns(tmp_path / "cut.parquet")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"smiles,x\n" + b"C,1\n" * 9000)[:-20])
    with pytest.raises(DataError, match=r"cut\.csv\.gz cannot be read"):
        list(read_batches(tmp_path / "cut.csv.gz", ["x"], ()))


def test_lists_of_numbers_in_all_their_forms() -> None:
    texts = pa.array(["[1, 2.5]", "[nan, 3]", None, "4", "[]"])
    expected = [[1, 2.5], [np.nan, 3], None, [4], []]
    lists = pa.array([[1, 2.5], [float("nan"), 3], None, [4], []], pa.list_(pa.float64()))
    for column in (texts, lists, pa.ExtensionArray.from_storage(pa.json_(pa.string()), texts)):
        for found, wanted in zip(list_labels(column, "t"), expected, strict=True):
            if wanted is None:
                assert found is None
            else:
                assert found is not None
                np.testing.assert_array_equal(found, wanted)
    with pytest.raises(DataError, match="t: 'a b' is not a list of numbers"):
        list_labels(pa.array(["a b"]), "t")
