"""Label columns of big tables, read by columns: thousands of them cost about as much as one."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from hooke.core.errors import DataError
from hooke.core.label import Label
from hooke.core.reading import check_parquet, reading
from hooke.molecules.tables.reading import column_names

CHUNK_ROWS = 2048


def table_columns(path: Path) -> list[str]:
    """The column names of a CSV(.gz) or Parquet file."""
    if not _is_parquet(path):
        return column_names(path)
    with reading(path, "a Parquet file"):
        check_parquet(path, whole=False)
        return list(pq.read_schema(path).names)


def read_batches(path: Path, columns: Sequence[str], text: Collection[str]) -> Iterator[pa.RecordBatch]:
    """The chosen columns of a CSV(.gz) or Parquet file, at most 2,048 rows at a time.

    Args:
        path: The file.
        columns: Which.
        text: Those of them that are text in a CSV file; the others are numbers, empty or "nan" where not measured.

    Raises:
        DataError: The file is damaged, or a number is none.
    """
    with reading(path, "a table of numbers"):
        if _is_parquet(path):
            yield from pq.ParquetFile(path).iter_batches(batch_size=CHUNK_ROWS, columns=list(columns))
        else:
            yield from _csv_batches(path, columns, text)


def _csv_batches(path: Path, columns: Sequence[str], text: Collection[str]) -> Iterator[pa.RecordBatch]:
    types = {name: pa.string() if name in text else pa.float64() for name in columns}
    convert = pa_csv.ConvertOptions(include_columns=columns, column_types=types, strings_can_be_null=True)
    source = pa.input_stream(str(path), compression="gzip" if path.name.endswith(".gz") else None)
    for batch in pa_csv.open_csv(source, convert_options=convert):
        for start in range(0, batch.num_rows, CHUNK_ROWS):
            yield batch.slice(start, CHUNK_ROWS)


def _is_parquet(path: Path) -> bool:
    return path.name.endswith((".parquet", ".pq"))


def dense_labels(batch: pa.RecordBatch, labels: Mapping[str, Label], source: str, first_row: int) -> np.ndarray:
    """(rows, labels) float32 values of columns of numbers, NaN = not measured.

    Args:
        batch: Some rows.
        labels: Column -> what it is.
        source: Name of the file, for messages.
        first_row: Number of the batch's first row in it.

    Raises:
        DataError: A class label holds anything but its classes: the file is not what it is said to be.
    """
    values = np.full((batch.num_rows, len(labels)), np.nan, np.float32)
    classes = np.full(len(labels), np.inf)
    for place, (column, label) in enumerate(labels.items()):
        values[:, place] = batch.column(column).cast(pa.float64()).to_numpy(zero_copy_only=False)
        if label.kind != "regression":
            classes[place] = 2 if label.kind == "binary" else label.classes
    outside = (values < 0) | (values >= classes) | (values != np.floor(values))
    wrong = np.isfinite(classes) & ~np.isnan(values) & outside
    if wrong.any():
        row, place = np.argwhere(wrong)[0]
        what = f"{values[row, place]:g} is not a class of 0 to {classes[place] - 1:g}"
        raise DataError(f"{source}, row {first_row + row}, {list(labels)[place]!r}: {what}")
    return values


def list_labels(column: pa.Array, where: str) -> list[np.ndarray | None]:
    """One float32 array a row (None = not measured), from lists of numbers or from text such as "[0.1, 0.2]".

    Raises:
        DataError: A value is neither.
    """
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    found: list[np.ndarray | None] = []
    for value in column.to_pylist():
        try:
            numbers = json.loads(value.replace("nan", "NaN")) if isinstance(value, str) else value
            found.append(None if numbers is None else np.atleast_1d(np.array(numbers, dtype=np.float32)))
        except (ValueError, TypeError) as error:
            raise DataError(f"{where}: {str(value)[:60]!r} is not a list of numbers") from error
    return found
