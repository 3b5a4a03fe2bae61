"""Reading tables of molecules as they come: CSV, TSV, Parquet, SDF and SMILES files, in chunks, with row and line numbers.

Every cell of a text file is read as text: what is a number is decided later, and a damaged cell costs its own row only.
"""

from __future__ import annotations

import csv
import io
import itertools
import logging
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hooke.core.compressed import compression, is_workbook, plain_name
from hooke.core.errors import DataError, UnknownNameError
from hooke.core.json_text import json_text
from hooke.core.paths import SMILES_ENDINGS
from hooke.core.reading import (
    CHUNK_CHARACTERS,
    LONGEST_LINE,
    LONGEST_SKIPPED,
    check_parquet,
    is_parquet,
    opened,
    reading,
    refuse_columns,
)
from hooke.core.text_tables import text_encoding, text_form
from hooke.core.workbooks import XLSX, sheet_rows

if TYPE_CHECKING:
    import pyarrow as pa
    from rdkit import Chem

_LOG = logging.getLogger(__name__)
CHUNK_ROWS = 2048
LONGEST_RECORD = 100  # lines that one quoted record of a text table may span
SMILES_NAMES = ("smiles", "canonical_smiles", "ordered_smiles", "structure", "drug", "mol", "molecule")
_TOO_LONG = f"a line of more than {LONGEST_LINE:,} characters"  # stands for one, by identity
_LINE_BYTES = 64  # that a line takes beside its characters
_UNNAMED = "Unnamed: {}"  # as pandas calls a column whose header is empty
# > 25 <MELTING.POINT> (CPD-7) DT12: the name is what stands in the angle brackets, before a registry number, a field or "FROM ARCHIVES"
_TAG = re.compile(r">[^<]*<(?P<name>.+)>(?:\s*(?:\([^()]*\)|DT\d+|FROM ARCHIVES|\d+))*")
_FIELD = re.compile(r">[^<]*?\b(?P<name>DT\d+)\b")
_LONGEST_TAG = 1000


@dataclass(frozen=True)
class RowChunk:
    """Some rows of a table.

    Attributes:
        first_row: Number of the first of these rows in the file, counted from 1 without the header.
        columns: Column name -> one text a row ("" where empty).
        broken: Row number -> why the row could not be split into columns.
        lines: The line of the file on which each row begins, from 1 and with the header; empty for Parquet files.
    """

    first_row: int
    columns: dict[str, list[str]]
    broken: dict[int, str]
    lines: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return max((len(values) for values in self.columns.values()), default=0)


def read_table(path: Path, rows: int | None = None, *, lists: Mapping[str, str] | None = None) -> Iterator[RowChunk]:
    """Stream a table in chunks of at most so many rows, 2,048 by default, fewer where they are long.

    Parquet files and workbooks are known by their first bytes, other formats by the name; text may be compressed.

    Args:
        path: The file.
        rows: Most rows of a chunk.
        lists: Column → level of lists of values of atoms, bonds or pairs. Where there are any, the SMILES of an SD file number the atoms
            as its records do, from 1, hydrogens included, and values of bonds are given with the numbers of their atoms.

    Raises:
        DataError: The file is missing, truncated, empty, of an unknown kind, or beyond the limits of `core.reading`.
    """
    path, rows = Path(path), rows or CHUNK_ROWS
    with reading(path, "a table"):
        if not path.is_file():
            raise DataError(f"{path} is a folder, not a table" if path.is_dir() else f"{path} does not exist")
        name = plain_name(path)
        if is_parquet(path):
            yield from _read_parquet(path, rows)
        elif name.endswith(XLSX) or is_workbook(path):
            yield from _read_workbook(path, rows)
        elif name.endswith((".csv", ".tsv", *SMILES_ENDINGS)):
            with reading(path, compression(path) or "a table"):
                yield from _read_text(path, rows, smiles_file=name.endswith(SMILES_ENDINGS))
        elif name.endswith((".sdf", ".sd")):
            with reading(path, compression(path) or "a table"):
                yield from _read_sdf(path, rows, lists or {})
        else:
            raise DataError(
                f"{path}: unknown kind of table; use .csv, .tsv, .parquet, .xlsx, .sdf, .smi (text also compressed: .gz, .bz2, "
                ".xz, .zst, .zip)"
            )


def column_names(path: Path) -> list[str]:
    """The columns of a table that has a row."""
    for chunk in read_table(path, rows=1):
        return list(chunk.columns)
    raise DataError(f"{path} holds no rows")


def smiles_column(columns: list[str], asked: str | None = None) -> str:
    """The column that holds SMILES: the one asked for, or a column with a usual name.

    Raises:
        UnknownNameError: The one asked for is not there.
        DataError: None was asked for and none is recognised.
    """
    if asked is not None:
        if asked not in columns:
            raise UnknownNameError("column", asked, columns)
        return asked
    by_lower = {column.strip().lower(): column for column in reversed(columns)}
    for name in SMILES_NAMES:
        if name in by_lower:
            return by_lower[name]
    raise DataError(
        f"no column looks like SMILES among {_shown(columns)}; name it with --smiles. If that is one long name, the delimiter is "
        "none of , ; tab |; if these are values, the file lacks a header line"
    )


def _shown(columns: list[str]) -> list[str]:
    cut = [name if len(name) <= 60 else f"{name[:60]}..." for name in columns[:20]]
    return cut if len(columns) <= 20 else [*cut, "..."]


def _open_text(path: Path) -> io.TextIOWrapper:
    encoding = text_encoding(path)
    return io.TextIOWrapper(opened(path), encoding=encoding, errors="replace", newline="")


def delimited_by_commas(path: Path) -> bool:
    """Whether a file is a text table whose cells are separated by commas."""
    text = plain_name(path).endswith((".csv", ".txt")) and not (is_parquet(path) or is_workbook(path))
    return text and text_form(path).delimiter == ","


class _Record(NamedTuple):
    line: int
    cells: list[str]
    problem: str = ""


def _read_text(path: Path, rows: int, *, smiles_file: bool) -> Iterator[RowChunk]:
    csv.field_size_limit(LONGEST_LINE)
    form = text_form(path)
    skipped = 0 if smiles_file else form.skipped
    if not smiles_file and form.decisions:
        _LOG.info("%s is read as %s", path.name, form.decisions)
    with _open_text(path) as file:
        for _ in range(skipped):
            _next_line(file, path)
        first = _next_line(file, path)
        if first is _TOO_LONG:
            raise DataError(f"{path} begins with {_TOO_LONG}: it is not a table")
        if not first.strip():
            raise DataError(f"{path} is empty, or its first line is")
        delimiter = form.delimiter
        header = [name.strip() for name in _cells(first.removeprefix("#") if not smiles_file else first, delimiter)]
        if smiles_file and not _is_header(first):
            records = _smiles_lines(_Lines(file, path, first))
            yield from _chunks(records, ["smiles", "name"], rows)
            return
        if smiles_file and len(header) == 1 and len(first.split()) > 1:
            header = first.split()
            records = _smiles_lines(_Lines(file, path), len(header))
        else:
            records = _csv_records(_Lines(file, path, before=skipped), delimiter, len(header))
        header = [name or _UNNAMED.format(place) for place, name in enumerate(header)]
        _refuse_repeated(path, header)
        yield from _chunks(records, header, rows)


def _refuse_repeated(path: Path, names: list[str]) -> None:
    refuse_columns(path, len(names))
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise DataError(f"{path}: column names repeat: {_shown(repeated)}; rename them")


def _is_header(line: str) -> bool:
    return "smiles" in line.lower()


def _next_line(file: io.TextIOBase, path: Path) -> str:
    """A line, "" at the end; `_TOO_LONG` for one that is skipped because nothing real is so long.

    Raises:
        DataError: It is longer than `LONGEST_SKIPPED` too.
    """
    line = file.readline(LONGEST_LINE)
    if len(line) < LONGEST_LINE or line.endswith(("\n", "\r")):
        return line
    skipped = len(line)
    while not line.endswith(("\n", "\r")) and (line := file.readline(LONGEST_LINE)):
        skipped += len(line)
        if skipped > LONGEST_SKIPPED:
            raise DataError(f"{path} has a line of more than {LONGEST_SKIPPED:,} characters: it is not a table")
    return _TOO_LONG


class _Lines:
    """The lines of a file, numbered; the lines of a record that turns out not to be one can be given back."""

    def __init__(self, file: io.TextIOBase, path: Path, first: str | None = None, *, before: int = 0) -> None:
        self._file, self._path = file, path
        self._waiting: deque[str] = deque([] if first is None else [first])
        self.taken: list[str] = []
        self._begun = (1 if first is None else 0) + before  # lines before the record in hand

    def begin(self) -> int:
        """Forget the last record; returns the number of the line on which the next one begins."""
        self._begun += len(self.taken)
        self.taken = []
        return self._begun + 1

    def keep_first(self) -> str:
        """Give back all lines of this record but the first."""
        first, *rest = self.taken
        self._waiting.extendleft(reversed(rest))
        self.taken = [first]
        return first

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self.taken) == LONGEST_RECORD or (self.taken and sum(map(len, self.taken)) > LONGEST_LINE):
            raise StopIteration
        line = self._waiting.popleft() if self._waiting else _next_line(self._file, self._path)
        if not line:
            raise StopIteration
        if line is _TOO_LONG and self.taken:  # it ends the record that it stands in
            self._waiting.appendleft(line)
            raise StopIteration
        self.taken.append(line)
        return line


def _csv_records(lines: _Lines, delimiter: str, width: int) -> Iterator[_Record]:
    """Records with quotes and quoted line breaks. A quote that is opened and not closed costs its own line only.

    A record of several lines must close its quotes within `LONGEST_RECORD` lines and have as many cells as the header; otherwise
    its first line is a row of its own, and reading goes on with the second.
    """
    while True:
        number = lines.begin()
        problem = ""
        try:
            cells = next(csv.reader(lines, delimiter=delimiter, strict=True))
            whole = len(lines.taken) == 1 or len(cells) == width
        except StopIteration:
            return
        except csv.Error as error:
            whole, problem = False, str(error)
        if not whole:
            first = lines.keep_first()
            cells = _cells(first, delimiter)
            if first.count('"') % 2:
                problem = "a quote is opened and not closed"
            elif len(cells) == width:
                problem = ""  # a quote inside a cell: sloppy, but clear
        if lines.taken[0] is _TOO_LONG:
            cells, problem = [], _TOO_LONG
        if not problem and len(cells) > width and not any(cells[width:]):
            cells = cells[:width]  # delimiters at the end of the line
        ended = bool(lines.taken) and lines.taken[-1].endswith(("\n", "\r"))
        if not problem and 1 < len(cells) < width and ended:
            cells = [*cells, *[""] * (width - len(cells))]  # empty cells at the end of a line are often not written
        if not problem and cells and len(cells) != width:
            problem = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'}, the header has {width}"
        yield _Record(number, cells, problem)


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter), [])


def _smiles_lines(lines: _Lines, width: int = 2) -> Iterator[_Record]:
    while True:
        number = lines.begin()
        line = next(lines, None)
        if line is None:
            return
        if line is _TOO_LONG:
            yield _Record(number, [], _TOO_LONG)
            continue
        cells = [cell.strip() for cell in line.split(maxsplit=width - 1)]
        yield _Record(number, [*cells, *[""] * (width - len(cells))])


def _chunks(records: Iterator[_Record], header: list[str], rows: int) -> Iterator[RowChunk]:
    first_row, number, size = 1, 0, 0
    columns: dict[str, list[str]] = {name: [] for name in header}
    broken: dict[int, str] = {}
    lines: list[int] = []
    for line, cells, problem in records:
        number += 1
        lines.append(line)
        if problem:
            broken[number] = problem
        # an empty line is a row without values: it is counted and reported
        row = cells if len(cells) == len(header) else [*cells[: len(header)], *[""] * (len(header) - len(cells))]
        for name, cell in zip(header, row, strict=True):
            columns[name].append(cell.strip())
        size += sum(map(len, row)) + 8 * len(header)
        if number - first_row + 1 == rows or size > CHUNK_CHARACTERS:
            yield RowChunk(first_row, columns, broken, lines)
            first_row, columns, broken, lines, size = number + 1, {name: [] for name in header}, {}, [], 0
    if number >= first_row:
        yield RowChunk(first_row, columns, broken, lines)


def _read_workbook(path: Path, rows: int) -> Iterator[RowChunk]:
    sheet = sheet_rows(path)
    header = [name or _UNNAMED.format(place) for place, name in enumerate(next(sheet))]
    _refuse_repeated(path, header)
    records = (
        _Record(number, cells, "" if len(cells) <= len(header) else f"{len(cells)} cells, the header has {len(header)}")
        for number, cells in enumerate(sheet, start=2)
    )
    yield from _chunks(records, header, rows)


def _read_parquet(path: Path, rows: int) -> Iterator[RowChunk]:
    import pyarrow.parquet as pq

    check_parquet(path, whole=False)
    first_row = 1
    with reading(path, "a Parquet file"):
        schema = pq.read_schema(path)
        _refuse_repeated(path, schema.names)
        texts = [field.name for field in schema if _is_text(field.type)]  # a text that repeats is in memory once
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            for batch in itertools.chain.from_iterable(map(_bounded, file.iter_batches(batch_size=rows))):
                columns = {
                    name: [_parquet_text(value) for value in batch.column(name).to_pylist()]
                    for name in batch.schema.names
                }
                yield RowChunk(first_row, columns, {})
                first_row += batch.num_rows


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return types.is_string(kind) or types.is_binary(kind) or types.is_large_string(kind) or types.is_large_binary(kind)


def _bounded(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The rows in as many parts as their texts need to stay within `CHUNK_CHARACTERS` each, if that is possible."""
    if batch.num_rows < 2 or sum(map(_text_bytes, batch.columns)) <= CHUNK_CHARACTERS:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _bounded(batch.slice(0, half))
    yield from _bounded(batch.slice(half))


def _text_bytes(column: pa.Array) -> int:
    import pyarrow.compute as pc
    import pyarrow.types as types

    if not types.is_dictionary(column.type):
        return 0
    return pc.sum(pc.binary_length(column.dictionary).take(column.indices)).as_py() or 0


def _parquet_text(value: object) -> str:
    """A cell as text; bytes are text without its mark, as Spark and Impala write it, perhaps filled up to a fixed length."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").rstrip("\0")
    if isinstance(value, list):
        return json_text(value)
    return "" if value is None else str(value)


def _read_sdf(path: Path, rows: int, lists: Mapping[str, str]) -> Iterator[RowChunk]:
    """Records of an SD file: the structure becomes SMILES, the tags columns; missing tags are "".

    Records are cut at "$$$$" before they are parsed, so that a broken one never swallows its neighbour.
    """
    from rdkit import Chem, rdBase

    from hooke.molecules.parse import canonical_smiles

    tags: dict[str, None] = {}
    for _, lines in _sdf_records(path):
        tags.update((name, None) for name, _ in _data_items(lines))
        refuse_columns(path, len(tags))
    names = [name for name in tags if name != "smiles"]

    def records() -> Iterator[_Record]:
        supplier = Chem.SDMolSupplier()
        for begin, lines in _sdf_records(path):
            try:
                with reading("the SDF record"), rdBase.BlockLogs():
                    supplier.SetData("".join(lines[: _structure_end(lines)]) + "$$$$\n", removeHs=not lists)
                    molecule = next(iter(supplier), None)
                    if molecule is not None and lists:
                        for atom in molecule.GetAtoms():
                            atom.SetAtomMapNum(atom.GetIdx() + 1)
                    text = "" if molecule is None else canonical_smiles(molecule)
            except DataError as error:
                yield _Record(begin, [], str(error))
                continue
            if molecule is None:
                yield _Record(begin, [], "the SDF record does not parse")
            else:
                values = dict(_data_items(lines))
                for name in (name for name, level in lists.items() if level == "edge"):
                    values[name] = _with_atoms(values.get(name, ""), molecule)
                yield _Record(begin, [text, *(values.get(name, "") for name in names)])

    yield from _chunks(records(), ["smiles", *names], rows)


def _with_atoms(text: str, molecule: Chem.Mol) -> str:
    """Values of the bonds of a record, with the numbers of their atoms; as they are where they do not fit."""
    values = text.split()
    if text.lstrip().startswith("[") or len(values) != molecule.GetNumBonds():
        return text
    ends = ((bond.GetBeginAtomIdx() + 1, bond.GetEndAtomIdx() + 1) for bond in molecule.GetBonds())
    triples = (f"[{left}, {right}, {value}]" for (left, right), value in zip(ends, values, strict=True))
    return f"[{', '.join(triples)}]".replace("n/a", "null")


def _sdf_records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number of each record's first line, and its lines without "$$$$"; none of a record beyond `LONGEST_SKIPPED` bytes.

    Raises:
        DataError: A record of four times as many bytes: its end is not looked for.
    """
    lines: list[str] = []
    begin, size = 1, 0
    with _open_text(path) as file:
        for number, line in enumerate(iter(lambda: _next_line(file, path), ""), start=1):
            if line.startswith("$$$$"):
                yield begin, lines
                lines, begin, size = [], number + 1, 0
                continue
            size += len(line) + _LINE_BYTES
            if size <= LONGEST_SKIPPED:
                lines.append(line)
            elif size <= 4 * LONGEST_SKIPPED:
                lines.clear()
            else:
                raise DataError(
                    f"{path} has a record of more than {4 * LONGEST_SKIPPED >> 20:,} MB (from line {begin:,}): it is not an SD file"
                )
    if any(line.strip() for line in lines):
        yield begin, lines


def _structure_end(lines: list[str]) -> int:
    """How many lines of a record are its structure: up to "M  END", or to the first tag where that is missing."""
    for number, line in enumerate(lines, start=1):
        if line.startswith("M  END"):
            return number
        if number > 4 and _tag_name(line):
            return number - 1
    return len(lines)


def _data_items(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Names and values of a record's tags; a value ends at an empty line, or at the next tag where that was forgotten.

    Source: Dalby et al. 1992, "Description of several chemical structure file formats", the data header of SD files.
    """
    name, value = "", list[str]()
    for line in lines[_structure_end(lines) :]:
        following = _tag_name(line)
        if following or not line.strip():
            if name:
                yield name, "\n".join(value)
            name, value = following, []
        elif name:
            value.append(line.rstrip("\r\n"))
    if name:
        yield name, "\n".join(value)


def _tag_name(line: str) -> str:
    """The name in a tag line of an SD file; "" for any other line."""
    if not line.startswith(">") or len(line) > _LONGEST_TAG:
        return ""
    text = line.rstrip()
    match = _TAG.fullmatch(text) or _FIELD.match(text)
    if match is not None:
        return match["name"].strip()
    start, end = text.find("<"), text.rfind(">")
    return text[start + 1 : end].strip() if 0 < start < end else ""
