"""Excel workbooks (.xlsx) as tables: the first sheet read as text, and rows written to one, with the optional package openpyxl."""

from __future__ import annotations

import datetime
import io
import logging
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hooke.core.errors import DataError, UsageError
from hooke.core.reading import reading, refuse_columns, refuse_expansion

_LOG = logging.getLogger(__name__)
XLSX = ".xlsx"
MOST_ROWS = 1_048_576  # of a sheet
LONGEST_TEXT = 32_767  # characters of a cell


def sheet_rows(path: Path) -> Iterator[list[str]]:
    """The rows of the first sheet that holds cells, as text: whole numbers without a point, dates in ISO 8601, "" where empty; other sheets
    are named in a warning.

    Raises:
        DataError: The file is damaged, no workbook, or holds no cell.
        UsageError: The package openpyxl is missing.
    """
    library = _library()
    with reading(path, "an Excel workbook"):
        _refuse_large(path)
        with open(path, "rb") as file:
            book = library.load_workbook(file, read_only=True, data_only=True)
            try:
                sheets = [
                    sheet
                    for sheet in book.worksheets
                    if any(cell is not None for row in sheet.iter_rows(max_row=1, values_only=True) for cell in row)
                ]
                if not sheets:
                    raise DataError(f"{path} holds no cells")
                if len(sheets) > 1:
                    others = ", ".join(repr(sheet.title) for sheet in sheets[1:])
                    _LOG.warning("%s: its first sheet %r is read, not %s", path.name, sheets[0].title, others)
                width = 0
                for row in sheets[0].iter_rows(values_only=True):
                    cells = [_text(cell) for cell in row]
                    width = width or len(_without_end(cells))
                    refuse_columns(path, width)
                    yield [*cells[:width], *[""] * (width - len(cells)), *[cell for cell in cells[width:] if cell]]
            finally:
                book.close()


def workbook_of(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A workbook with one sheet: a header and rows of texts, numbers and None.

    Raises:
        UsageError: There are more rows than a sheet can hold, or the package openpyxl is missing.
    """
    library = _library()
    book = library.Workbook(write_only=True)
    sheet = book.create_sheet("hooke")
    sheet.append(list(header))
    for number, row in enumerate(rows, start=2):
        if number > MOST_ROWS:
            raise UsageError(f"an Excel sheet holds at most {MOST_ROWS:,} rows: write .csv or .parquet")
        sheet.append([_cell(value, sheet, library) for value in row])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _cell(value: Any, sheet: Any, library: Any) -> Any:
    if isinstance(value, list | dict):
        value = str(value)
    if not isinstance(value, str):
        return value
    text = "".join(mark for mark in value[:LONGEST_TEXT] if mark in "\t\n\r" or mark >= " ")
    if not text.startswith("="):
        return text
    cell = library.cell.WriteOnlyCell(sheet, value=text)
    cell.data_type = "s"  # a text, not a formula that would run
    return cell


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat()
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value).strip()


def _without_end(cells: list[str]) -> list[str]:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return cells


def _refuse_large(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        raise DataError(f"{path} is no Excel workbook (.xlsx)")
    with zipfile.ZipFile(path) as archive:
        refuse_expansion(path, sum(info.file_size for info in archive.infolist()))


def _library() -> Any:
    try:
        import openpyxl  # type: ignore[import-untyped]
    except ImportError as error:
        raise UsageError("Excel workbooks need the package openpyxl: pip install 'hooke-bio[excel]'") from error
    return openpyxl
