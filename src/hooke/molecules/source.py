"""Where molecules to predict come from: a table or a store, in chunks, prepared in worker processes. No torch here."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from rdkit import Chem

from hooke.core.compressed import compression, is_workbook
from hooke.core.errors import UsageError
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.paths import TABLE_SUFFIXES
from hooke.core.reading import is_parquet
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.parse import ParseError, smiles_of
from hooke.molecules.prepare import PreparedMolecules
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables.reading import CHUNK_ROWS, column_names, read_table, smiles_column

LONGEST_CELL = 10_000  # characters of an input cell that are repeated in the output
_SHOWN = 200
_BLOCK = 1 << 20


@dataclass(frozen=True)
class PreparedChunk:
    """Some input rows with the molecules that could be read from them.

    Attributes:
        rows: (N,) int64 numbers of the rows in the source, from 1.
        columns: Input column -> one text a row; "" where empty.
        arrays: The K molecules.
        kept: (K,) int64 their positions among the N rows.
        reasons: Position -> why that row holds no molecule.
    """

    rows: np.ndarray
    columns: dict[str, list[str]]
    arrays: MoleculeArrays
    kept: np.ndarray
    reasons: dict[int, str]


class Preparation(Protocol):
    """How SMILES become arrays; it travels to worker processes. `MoleculeSpec` is one, published encoders have their own."""

    def prepare(self, smiles: Sequence[str]) -> PreparedMolecules:
        """The strings that are molecules as arrays, and why the others are not."""

    def fits(self, store: MoleculeStore) -> bool:
        """Whether the store's arrays are already what `prepare` would make."""


class MoleculeRows(Protocol):
    """Where molecules come from."""

    @property
    def name(self) -> str:
        """For progress bars."""

    @property
    def columns(self) -> list[str]:
        """Names of the input columns."""

    def parallel(self, how: Preparation) -> bool:
        """Whether preparing is worth worker processes."""

    def content_hash(self) -> str:
        """Of the rows."""

    def row_count(self) -> int | None:
        """How many, where that is quick to know."""

    def jobs(self, how: Preparation, *, skip: int) -> Iterator[Job | StoredJob]:
        """Chunks in order, to be prepared; the first `skip` are left out."""


@dataclass(frozen=True)
class TableRows:
    """A CSV, Parquet, SDF or SMILES file."""

    path: Path
    smiles: str
    columns: list[str]

    @classmethod
    def open(cls, path: Path, asked: str | None = None) -> TableRows:
        """Find the SMILES column; see `molecules.tables.reading` for errors."""
        columns = column_names(path)
        return cls(path, smiles_column(columns, asked), columns)

    @property
    def name(self) -> str:
        """For progress bars."""
        return self.path.name

    def parallel(self, how: Preparation) -> bool:
        """Always."""
        return True

    def content_hash(self) -> str:
        """Of the file's bytes."""
        return file_sha256(self.path)

    def row_count(self) -> int | None:
        """Rows, for the time left: exact in Parquet, lines in plain text; None where it would take long to know."""
        if is_parquet(self.path):
            import pyarrow.parquet as pq

            return int(pq.read_metadata(self.path).num_rows)
        if compression(self.path) or is_workbook(self.path) or self.path.suffix.lower() in (".sdf", ".sd"):
            return None
        with open(self.path, "rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b""))

    def jobs(self, how: Preparation, *, skip: int) -> Iterator[Job]:
        """Chunks in the order of the file, to be prepared; the first `skip` are left out without being parsed."""
        for chunk in itertools.islice(read_table(self.path), skip, None):
            yield Job(chunk.first_row, chunk.columns, chunk.broken, self.smiles, how)


def first_smiles(source: TableRows, count: int) -> list[str]:
    """The SMILES of the first rows of a table, as they stand there."""
    found: list[str] = []
    for chunk in read_table(source.path):
        found += chunk.columns[source.smiles][: count - len(found)]
        if len(found) >= count:
            break
    return found


@dataclass(frozen=True)
class StoreRows:
    """A prepared store; its arrays are taken as they are when it was prepared as the run needs it."""

    store: MoleculeStore

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process, which opens the store itself."""
        return _stored, (self.store.folder.absolute(),)

    @property
    def columns(self) -> list[str]:
        """Names of the input columns."""
        return ["smiles"]

    @property
    def name(self) -> str:
        """For progress bars."""
        return self.store.folder.name

    def parallel(self, how: Preparation) -> bool:
        """Unless its arrays are taken as they are."""
        return not how.fits(self.store)

    def content_hash(self) -> str:
        """Of the store."""
        return self.store.content_hash

    def row_count(self) -> int:
        """Molecules in the store."""
        return len(self.store)

    def jobs(self, how: Preparation, *, skip: int) -> Iterator[Job | StoredJob]:
        """Chunks in the order of the store, to be prepared, or read as they are."""
        fits = how.fits(self.store)
        for start in range(skip * CHUNK_ROWS, len(self.store), CHUNK_ROWS):
            rows = np.arange(start, min(start + CHUNK_ROWS, len(self.store)))
            if fits:
                yield StoredJob(self.store.folder, start, len(rows))
            else:
                yield Job(start + 1, {"smiles": self.store.smiles(rows)}, {}, "smiles", how)


def _stored(folder: Path) -> StoreRows:
    return StoreRows(MoleculeStore.open(folder))


@dataclass(frozen=True)
class MemoryRows:
    """A few molecules in memory, alone or in a table.

    Attributes:
        table: Column → one text a row; "" where empty.
        smiles: The column of SMILES.
        broken: Position of a row → why it holds no molecule.
    """

    table: dict[str, tuple[str, ...]]
    smiles: str = "smiles"
    broken: dict[int, str] = field(default_factory=dict)
    name: str = "SMILES"

    @classmethod
    def of(cls, given: Any, asked: str | None = None) -> MemoryRows:
        """What people have in Python: one SMILES or molecule, a sequence or series of them, or a pandas or polars table.

        None and NaN are rows without a molecule, as are molecules that RDKit cannot sanitise.

        Args:
            given: SMILES, molecules of RDKit, sequences of both, or a table with a column of them.
            asked: The column of a table.

        Raises:
            UsageError: It is none of these.
            DataError: No column of the table looks like SMILES.
            UnknownNameError: The column that was asked for is not there.
        """
        if isinstance(given, str | Chem.Mol):
            given = [given]
        if hasattr(given, "columns"):
            columns = {str(name): list(given[name]) for name in given.columns}
            smiles = _molecule_column(columns, asked)
        else:
            try:
                columns, smiles = {"smiles": list(given)}, "smiles"
            except TypeError as error:
                kind = type(given).__name__
                raise UsageError(
                    f"molecules are given as SMILES, RDKit molecules, a sequence or a table of them, not as {kind}"
                ) from error
        broken: dict[int, str] = {}
        texts = []
        for row, cell in enumerate(columns[smiles]):
            text, reason = _molecule_text(cell)
            texts.append(text)
            if reason:
                broken[row] = reason
        table = {name: tuple(_text(cell) for cell in cells) for name, cells in columns.items() if name != smiles}
        return cls({**dict.fromkeys(columns, ()), **table, smiles: tuple(texts)}, smiles, broken)

    @property
    def columns(self) -> list[str]:
        """Names of the input columns."""
        return list(self.table)

    def parallel(self, how: Preparation) -> bool:
        """They are few."""
        return False

    def content_hash(self) -> str:
        """Of the texts."""
        return content_hash([self.table, self.smiles])

    def row_count(self) -> int:
        """How many."""
        return len(self.table[self.smiles])

    def jobs(self, how: Preparation, *, skip: int) -> Iterator[Job]:
        """Chunks in order."""
        for start in range(skip * CHUNK_ROWS, max(1, self.row_count()), CHUNK_ROWS):
            end = start + CHUNK_ROWS
            columns = {name: list(cells[start:end]) for name, cells in self.table.items()}
            broken = {row + 1: reason for row, reason in self.broken.items() if start <= row < end}
            yield Job(start + 1, columns, broken, self.smiles, how)


def _molecule_column(columns: dict[str, list[Any]], asked: str | None) -> str:
    """The column that is asked for, has a usual name, or holds molecules of RDKit."""
    if asked is None:
        of_rdkit = [name for name, cells in columns.items() if any(isinstance(cell, Chem.Mol) for cell in cells)]
        if len(of_rdkit) == 1:
            return of_rdkit[0]
    return smiles_column(list(columns), asked)


def _molecule_text(cell: Any) -> tuple[str, str]:
    """SMILES, and why a cell holds no molecule."""
    if isinstance(cell, Chem.Mol):
        try:
            return smiles_of(cell), ""
        except ParseError as error:
            return "", str(error)
    if isinstance(cell, str):
        return cell, ""
    return ("", "no molecule") if _text(cell) == "" else (_text(cell), "")


def _text(cell: Any) -> str:
    """A cell as a table's reader would give it; None and NaN are empty."""
    return "" if cell is None or cell != cell else str(cell)


def is_path(text: str) -> bool:
    """Whether a text names a file or folder, or ends as the name of a table does: no SMILES has a dot and letters at its end that do."""
    try:
        return Path(text).exists() or Path(text).suffix.lower() in TABLE_SUFFIXES
    except (OSError, ValueError):  # a name longer than any, or with a NUL
        return False


def open_source(source: Path | str | MoleculeStore, smiles: str | None = None) -> MoleculeRows:
    """A table, a store's folder, or an open store.

    Raises:
        DataError: There is no such file, or it is no table.
        UnknownNameError: The SMILES column that was asked for is not there.
    """
    if isinstance(source, MoleculeStore):
        return StoreRows(source)
    path = Path(source)
    if path.is_dir():
        return StoreRows(MoleculeStore.open(path))
    return TableRows.open(path, smiles)


@dataclass(frozen=True)
class StoredJob:
    """Rows of a store whose arrays are taken as they are."""

    folder: Path
    start: int
    count: int


@dataclass(frozen=True)
class Job:
    """Rows of a table, to be parsed, standardised, featurised and encoded."""

    first_row: int
    columns: dict[str, list[str]]
    broken: dict[int, str]
    smiles: str
    how: Preparation


def as_stored(store: MoleculeStore, start: int, count: int) -> PreparedChunk:
    """Rows of a store as they are."""
    rows = np.arange(start, start + count)
    return PreparedChunk(rows + 1, {"smiles": store.smiles(rows)}, store.arrays(rows), np.arange(count), {})


def prepare_job(job: Job | StoredJob) -> PreparedChunk:
    """In a worker: one chunk, parsed, standardised, featurised and encoded, or read from its store."""
    if isinstance(job, StoredJob):
        return as_stored(MoleculeStore.open(job.folder), job.start, job.count)
    cells = job.columns[job.smiles]
    broken = {number - job.first_row: reason for number, reason in job.broken.items()}
    tried = [position for position in range(len(cells)) if position not in broken]
    prepared = job.how.prepare([cells[position] for position in tried])
    kept = np.array(tried, dtype=np.int64)[prepared.kept]
    reasons = {**broken, **{tried[place]: reason for place, reason in prepared.reasons.items()}}
    columns = {name: [_shortened(cell) for cell in values] for name, values in job.columns.items()}
    return PreparedChunk(job.first_row + np.arange(len(cells)), columns, prepared.arrays, kept, reasons)


def _shortened(cell: str) -> str:
    return cell if len(cell) <= LONGEST_CELL else f"{cell[:_SHOWN]}... ({len(cell)} characters)"
