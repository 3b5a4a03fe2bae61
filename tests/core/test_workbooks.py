from __future__ import annotations

import datetime
import logging
from pathlib import Path

import pytest

from hooke.core.errors import DataError
from hooke.core.text_tables import read_text_table
from hooke.core.workbooks import sheet_rows, workbook_of

openpyxl = pytest.importorskip("openpyxl")


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook_of(["plate", "x", "n"], [["007", 1.5, None], ["1E10", 2, "a\x00b"], ["=1+1", 3.0, [1]]]))
    assert list(sheet_rows(path)) == [
        ["plate", "x", "n"],
        ["007", "1.5", ""],
        ["1E10", "2", "ab"],
        ["=1+1", "3", "[1]"],
    ]
    assert read_text_table(path).rows() == [("007", "1.5", ""), ("1E10", "2", "ab"), ("=1+1", "3", "[1]")]
    assert read_text_table(path, 1).rows() == [("007", "1.5", "")]


def test_cells_as_text_and_further_sheets(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    book = openpyxl.Workbook()
    book.active.append(["smiles", "day", "ok", None])
    book.active.append(["C", datetime.datetime(2024, 5, 1), True, None])
    book.create_sheet("empty")
    book.create_sheet("more").append(["x"])
    book.save(tmp_path / "a.xlsx")
    with caplog.at_level(logging.WARNING):
        assert list(sheet_rows(tmp_path / "a.xlsx")) == [["smiles", "day", "ok"], ["C", "2024-05-01", "True"]]
    assert caplog.messages == ["a.xlsx: its first sheet 'Sheet' is read, not 'more'"]


def test_what_is_no_workbook(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"a,b")
    with pytest.raises(DataError, match="is no Excel workbook"):
        list(sheet_rows(tmp_path / "a.xlsx"))
    openpyxl.Workbook().save(tmp_path / "b.xlsx")
    with pytest.raises(DataError, match="holds no cells"):
        list(sheet_rows(tmp_path / "b.xlsx"))
