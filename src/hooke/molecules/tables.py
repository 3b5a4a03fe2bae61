"""Reading tables of molecules as they come: CSV, TSV, Parquet, SDF and SMILES files, in chunks, with line numbers.

Every cell of a text file is read as text: what is a number is decided later, and a damaged cell costs its own row only.
"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hooke.core.errors import DataError, UnknownNameError

CHUNK_ROWS = 2048
SMILES_NAMES = ("smiles", "canonical_smiles", "structure", "drug", "mol", "molecule")
_DELIMITERS = ",;\t|"


@dataclass(frozen=True)
class RowChunk:
    """Some rows of a table.

    Attributes:
        first_row: Number of the first of these rows in the file, counted from 1 without the header.
        columns: Column name -> one text a row ("" where empty).
        broken: Row number -> why the row could not be split into columns.
    """

    first_row: int
    columns: dict[str, list[str]]
    broken: dict[int, str]

    def __len__(self) -> int:
        return max((len(values) for values in self.columns.values()), default=0)


def read_table(path: Path) -> Iterator[RowChunk]:
    """Stream a table in chunks of at most 2,048 rows; the format follows from the file's name.

    Raises:
        DataError: The file is missing, truncated, empty, or of an unknown kind.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path} does not exist")
    name = path.name.lower().removesuffix(".gz")
    try:
        if name.endswith((".csv", ".tsv", ".txt", ".smi", ".smiles")):
            yield from _read_text(path, smiles_file=name.endswith((".smi", ".smiles", ".txt")))
        elif name.endswith((".parquet", ".pq")):
            yield from _read_parquet(path)
        elif name.endswith((".sdf", ".sd")):
            yield from _read_sdf(path)
        else:
            raise DataError(f"{path}: unknown kind of table; use .csv, .tsv, .parquet, .sdf, .smi (or their .gz)")
    except (EOFError, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is truncated or not gzip: {error}") from error


def column_names(path: Path) -> list[str]:
    """The columns of a table, from its first chunk."""
    for chunk in read_table(path):
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
        f"no column looks like SMILES among {columns}; name it with --smiles. "
        "If that is one long name, the delimiter is none of , ; tab |"
    )


def _open_text(path: Path) -> io.TextIOBase:
    raw = gzip.open(path, "rb") if path.name.lower().endswith(".gz") else open(path, "rb")  # noqa: SIM115 (closed by caller)
    return io.TextIOWrapper(raw, encoding="utf-8-sig", errors="replace", newline="")  # type: ignore[arg-type]


def _read_text(path: Path, *, smiles_file: bool) -> Iterator[RowChunk]:
    csv.field_size_limit(1 << 30)
    with _open_text(path) as file:
        first = file.readline()
        if not first.strip():
            raise DataError(f"{path} is empty")
        if smiles_file and not _is_header(first):
            yield from _chunks(_smiles_lines(first, file), ["smiles", "name"])
            return
        delimiter = max(_DELIMITERS, key=first.count)
        header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
        if len(set(header)) != len(header):
            raise DataError(f"{path}: column names repeat: {header}")
        yield from _chunks(csv.reader(file, delimiter=delimiter), header)


def _is_header(line: str) -> bool:
    return any(name in line.lower() for name in ("smiles", "canonical"))


def _smiles_lines(first: str, file: io.TextIOBase) -> Iterator[list[str]]:
    for line in itertools.chain([first], file):
        parts = line.split(maxsplit=1)
        yield [parts[0] if parts else "", parts[1].strip() if len(parts) > 1 else ""]


def _chunks(rows: Iterator[list[str]], header: list[str]) -> Iterator[RowChunk]:
    first_row, number = 1, 0
    columns: dict[str, list[str]] = {name: [] for name in header}
    broken: dict[int, str] = {}
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            row = [""] * len(header)
            broken[number + 1] = f"not readable as CSV: {error}"
        if row is None:
            break
        if not row:
            row = [""] * len(header)  # an empty line is a row without values: it is counted and reported
        number += 1
        if len(row) != len(header):
            broken[number] = f"{len(row)} cells, the header has {len(header)}"
            row = [*row[: len(header)], *[""] * (len(header) - len(row))]
        for name, cell in zip(header, row, strict=True):
            columns[name].append(cell.strip())
        if number - first_row + 1 == CHUNK_ROWS:
            yield RowChunk(first_row, columns, broken)
            first_row, columns, broken = number + 1, {name: [] for name in header}, {}
    if number >= first_row:
        yield RowChunk(first_row, columns, broken)


def _read_parquet(path: Path) -> Iterator[RowChunk]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path} is not a readable Parquet file: {error}") from error
    first_row = 1
    for batch in file.iter_batches(batch_size=CHUNK_ROWS):
        columns = {
            name: ["" if value is None else str(value) for value in batch.column(name).to_pylist()]
            for name in batch.schema.names
        }
        yield RowChunk(first_row, columns, {})
        first_row += batch.num_rows


def _read_sdf(path: Path) -> Iterator[RowChunk]:
    """Records of an SD file: the structure becomes SMILES, the tags columns; missing tags are "".

    Records are cut at "$$$$" before they are parsed, so that a broken one never swallows its neighbour.
    """
    from rdkit import Chem, rdBase

    names = _sdf_tags(path)
    first_row = 1
    rows: list[list[str]] = []
    broken: dict[int, str] = {}
    supplier = Chem.SDMolSupplier()
    for number, record in enumerate(_sdf_records(path), start=1):
        with rdBase.BlockLogs():
            supplier.SetData(record)
            molecule = next(iter(supplier), None)
        if molecule is None:
            broken[number] = "the SDF record does not parse"
            rows.append(["", *[""] * len(names)])
        else:
            tags = [molecule.GetProp(name).strip() if molecule.HasProp(name) else "" for name in names]
            rows.append([Chem.MolToSmiles(molecule), *tags])
        if len(rows) == CHUNK_ROWS:
            yield _sdf_chunk(first_row, names, rows, broken)
            first_row, rows, broken = number + 1, [], {}
    if rows:
        yield _sdf_chunk(first_row, names, rows, broken)


def _sdf_records(path: Path) -> Iterator[str]:
    lines: list[str] = []
    with _open_text(path) as file:
        for line in file:
            lines.append(line)
            if line.startswith("$$$$"):
                yield "".join(lines)
                lines = []
    if any(line.strip() for line in lines):
        yield "".join(lines)


def _sdf_chunk(first_row: int, names: list[str], rows: list[list[str]], broken: dict[int, str]) -> RowChunk:
    columns = {name: [row[place] for row in rows] for place, name in enumerate(["smiles", *names])}
    return RowChunk(first_row, columns, broken)


def _sdf_tags(path: Path) -> list[str]:
    """All tag names of the file, in order of first appearance, found without parsing structures."""
    names: dict[str, None] = {}
    with _open_text(path) as file:
        for line in file:
            if line.startswith(">") and "<" in line:
                names[line[line.index("<") + 1 : line.rindex(">")]] = None
    names.pop("smiles", None)
    return list(names)
