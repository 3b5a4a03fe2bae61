"""Parts of a long output: kept for the same work, dropped for other work."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hooke.core.errors import DataError
from hooke.inference.parts import begin, complete, folder_of, mark_complete, path_of, read_parquet_stamp, rows_of


def test_finished_parts_are_found_again(tmp_path: Path) -> None:
    parts = folder_of(tmp_path / "out.parquet")
    assert begin(parts, "a", resume=True) == 0
    for number in range(2):
        pq.write_table(pa.table({"x": [1, 2, 3]}), path_of(parts, number))
    assert begin(parts, "a", resume=True) == 2
    assert rows_of(parts, 2) == 6
    assert not complete(parts)
    mark_complete(parts)
    assert complete(parts)
    assert begin(parts, "b", resume=True) == 0
    pq.write_table(pa.table({"x": [1]}), path_of(parts, 0))
    assert begin(parts, "b", resume=False) == 0


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    parts = folder_of(tmp_path / "out.parquet")
    parts.mkdir()
    (parts / "thesis.tex").write_text("mine")
    with pytest.raises(DataError, match="other files"):
        begin(parts, "a", resume=True)


def test_a_file_without_stamp(tmp_path: Path) -> None:
    path = tmp_path / "plain.parquet"
    assert read_parquet_stamp(path) is None
    pq.write_table(pa.table({"x": [1]}), path)
    assert read_parquet_stamp(path) is None
