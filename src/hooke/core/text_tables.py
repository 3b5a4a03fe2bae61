"""What a text table is: its encoding, the lines before its header, its delimiter; and small tables of it read whole.

Decided from the first lines, quotes respected: UTF-8, UTF-16 or UTF-32, with a byte-order mark or without, else cp1252; a line `sep=;`, comment
lines that begin with # and a title above the header are no rows; the delimiter is the one by which header and rows have equally many cells.
"""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hooke.core.compressed import ENDINGS, MARKS, compression, is_workbook
from hooke.core.errors import DataError
from hooke.core.reading import LONGEST_LINE, check_table, is_parquet, opened, read_bytes, reading
from hooke.core.workbooks import XLSX, sheet_rows

DELIMITERS = "\t;|,"
_PROBED = 1 << 20  # bytes at the head of a file that say what it is
_LINES = 30
_LOG = logging.getLogger(__name__)
_FOREIGN = (  # first bytes -> what such a file is, and what to do with it
    *((mark, f"is {kind} within another compressed file", "unpack it") for kind, mark in MARKS.items()),
    (b"PK\x03\x04", "is a zip archive that cannot be read", "unpack it"),
    (b"PAR1", "is Parquet", "unpack it, and let its name end in .parquet"),
    (b"\xd0\xcf\x11\xe0", "is an old Office file (.xls)", "save the sheet as CSV"),
    (b"7z\xbc\xaf", "is a 7z archive", "unpack it"),
    (b"ARROW1", "is Arrow (Feather)", "save it as Parquet or CSV"),
    (b"FEA1", "is Feather", "save it as Parquet or CSV"),
    (b"\x89HDF", "is HDF5", "save the table as Parquet or CSV"),
    (b"SQLite format 3", "is an SQLite database", "save the table as CSV"),
    (b"\x93NUMPY", "is a NumPy array", "save it as CSV"),
    (b"%PDF", "is a PDF", "save the table as CSV"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the data", "fetch it with `git lfs pull`"),
    *(
        (bytes([0x80, protocol]), "is a Python pickle, which is never opened", "save it as Parquet or CSV")
        for protocol in range(2, 6)
    ),
)
_ENCODINGS = {  # as Python calls them -> in words
    "utf-16": "UTF-16", "utf-16-le": "UTF-16 without a byte-order mark", "utf-16-be": "UTF-16 without a byte-order mark",
    "utf-32": "UTF-32", "utf-32-le": "UTF-32 without a byte-order mark", "utf-32-be": "UTF-32 without a byte-order mark",
    "cp1252": "cp1252 (it is not UTF-8)",
}  # fmt: skip


@dataclass(frozen=True)
class TextForm:
    """What was decided about a text table.

    Attributes:
        encoding: As Python calls it.
        delimiter: Between cells.
        skipped: Lines before the header.
        packed: What the file is compressed with although its name says nothing of it; "" otherwise.
    """

    encoding: str
    delimiter: str
    skipped: int = 0
    packed: str = ""

    @property
    def decisions(self) -> str:
        """What is unusual of it, in words; "" for UTF-8 with a header in the first line."""
        said = [f"a file compressed with {self.packed}"] if self.packed else []
        said += [_ENCODINGS[self.encoding]] if self.encoding in _ENCODINGS else []
        if self.skipped:
            said.append(f"{self.skipped} {'lines' if self.skipped > 1 else 'line'} before the header left out")
        return ", ".join(said)


def text_encoding(path: Path) -> str:
    """The encoding of a text file.

    Raises:
        DataError: It is no text; the message says what it is.
    """
    with reading(path), reading(path, compression(path) or "a text table"), opened(path) as file:
        head = file.read(_PROBED)
    if encoding := _wide_encoding(head):
        return encoding
    _refuse_foreign(path, head)
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(head)
    wrong = text.count("\ufffd")
    right = sum(mark > "\x7f" for mark in text) - wrong
    return "utf-8-sig" if wrong <= right or not wrong else "cp1252"


def text_form(path: Path) -> TextForm:
    """Decide how a text table is written.

    Raises:
        DataError: It is no text.
    """
    encoding = text_encoding(path)
    with reading(path, "a text table"), io.TextIOWrapper(opened(path), encoding, errors="replace", newline="") as file:
        lines = [line for line in (file.readline(LONGEST_LINE) for _ in range(_LINES)) if line]
    delimiter, skipped = decide(lines)
    kind = compression(path)
    return TextForm(encoding, delimiter, skipped, "" if ENDINGS.get(path.suffix.lower()) == kind else kind)


def decide(lines: Sequence[str]) -> tuple[str, int]:
    """The delimiter of a table's first lines, and how many of them stand before its header."""
    skipped, given = 0, ""
    while skipped < len(lines):
        plain = lines[skipped].strip().strip('"')
        separator = lines[0].strip('\ufeff\r\n"')
        if skipped == 0 and separator.lower().startswith("sep=") and len(separator) == 5:
            given = separator[4]
        elif plain.startswith("#") and skipped + 1 < len(lines) and not _heads(lines[skipped], lines[skipped + 1]):
            pass
        else:
            break
        skipped += 1
    rest = lines[skipped:]
    if not rest:
        return given or ",", 0
    delimiter = given or _delimiter(rest)
    if not given and _is_title(rest, delimiter):
        skipped += 1
    return delimiter, skipped


def _is_title(lines: Sequence[str], delimiter: str) -> bool:
    """Whether the first line is a title: several words in one cell, before a line of several different cells without numbers."""
    if len(lines) < 3 or _width(lines[0], delimiter) != 1 or len(lines[0].split()) < 2:
        return False
    names = [name.strip() for name in next(csv.reader([lines[1]], delimiter=delimiter), [])]
    numbers = any(name.replace(".", "", 1).lstrip("-+").isdigit() for name in names)
    return 1 < len(names) == len(set(names)) and all(names) and not numbers


def _heads(line: str, following: str) -> bool:
    """Whether a line that begins with # is the header: it has as many cells as the next line, which is no comment."""
    if following.startswith("#"):
        return False
    mark = _delimiter([line, following])
    return _width(line, mark) == _width(following, mark) > 1


def _delimiter(lines: Sequence[str]) -> str:
    best, delimiter = (0.0, 0), ","
    for mark in DELIMITERS:
        widths = [_width(line, mark) for line in lines if line.strip()]
        wide = [width for width in widths if width > 1]
        if not wide:
            continue
        usual = max(set(wide), key=wide.count)
        headed = widths[0] > 1
        score = (wide.count(usual) / len(widths) + headed, usual)
        if score > best:
            best, delimiter = score, mark
    return delimiter


def _width(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:
        return 1


def read_text_table(
    path: Path, rows: int | None = None, *, types: Mapping[str, type[pl.DataType]] | None = None
) -> pl.DataFrame:
    """A table read whole: text (CSV, TSV, compressed or not) in whatever form `text_form` finds, an Excel workbook, or Parquet.

    What it is follows from its first bytes, whatever its name.

    Args:
        path: The table.
        rows: Only the first.
        types: Column -> type; other columns of text files are as wide as their numbers need. None leaves all cells text.

    Raises:
        DataError: It is missing, damaged, no text, or a row has more cells than the header.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path} is a folder, not a table" if path.is_dir() else f"there is no table {path}")
    with reading(path, "a table"):
        if is_parquet(path):
            check_table(path)
            return pl.read_parquet(path, n_rows=rows)
        if path.name.lower().endswith(XLSX) or is_workbook(path):
            return _of_workbook(path, rows)
        form = text_form(path)
        check_table(path)
        if form.decisions and rows is None:
            _LOG.warning("%s is read as %s", path.name, form.decisions)
        plain = form.encoding == "utf-8-sig" and not compression(path)
        source: Path | bytes = path if plain else read_bytes(path).decode(form.encoding, "replace").encode()
        if not path.stat().st_size:
            raise DataError(f"{path} is empty")
        try:
            table = pl.read_csv(
                source, separator=form.delimiter, skip_lines=form.skipped, n_rows=rows, encoding="utf8-lossy",
                infer_schema=types is not None, infer_schema_length=None, schema_overrides=dict(types or {}),
                null_values=None if types is None else ["", "nan", "NaN", "NA"],
            )  # fmt: skip
        except pl.exceptions.ComputeError as error:
            if "more fields than defined" not in str(error):
                raise
            raise DataError(
                f"{path} has a row with more cells than its header (delimiter {form.delimiter!r})"
            ) from error
    return table.rename(
        {name: name.strip().lstrip("#").strip() for name in table.columns if name != name.strip().lstrip("#").strip()}
    )


def _of_workbook(path: Path, rows: int | None) -> pl.DataFrame:
    sheet = sheet_rows(path)
    header = next(sheet)
    found = list(sheet if rows is None else itertools.islice(sheet, rows))
    if any(len(row) > len(header) for row in found):
        raise DataError(f"{path} has a row with more cells than its header")
    columns = zip(*found, strict=True) if found else [() for _ in header]
    return pl.DataFrame(
        {name: list(cells) for name, cells in zip(header, columns, strict=True)},
        schema=dict.fromkeys(header, pl.String),
    )


def _refuse_foreign(path: Path, head: bytes) -> None:
    """Refuse a file that is no text, and say what it is.

    Raises:
        DataError: Its first bytes are those of another kind of file, or too many of them are zero.
    """
    for mark, what, remedy in _FOREIGN:
        if head.startswith(mark):
            raise DataError(f"{path} {what}, not a text table: {remedy}")
    head = head[:4096]
    if head.count(0) > len(head) / 20:
        raise DataError(f"{path} is a binary file, not a text table: save it as CSV in UTF-8")


def _wide_encoding(head: bytes) -> str:
    """UTF-16 or UTF-32 as Python calls it, by its byte-order mark or by where its zero bytes stand; "" for other text."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    letter = _letter_place(head[:4096], 4)
    if letter in (0, 3):
        return "utf-32-be" if letter else "utf-32-le"
    letter = _letter_place(head[:4096], 2)
    return "" if letter is None else "utf-16-be" if letter else "utf-16-le"


def _letter_place(head: bytes, width: int) -> int | None:
    """Where in every `width` bytes the letter of Western text stands: zero bytes are nearly everywhere else; None if they are not."""
    whole = head[: len(head) // width * width]
    if not whole:
        return None
    zeros = [whole[place::width].count(0) for place in range(width)]
    fewest, second = sorted(zeros)[:2]
    return zeros.index(fewest) if second >= 0.8 * len(whole) / width > fewest else None
