"""`RowsSource`: a table in memory or in a file as a source, for modalities whose items stand in the cells of one column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from hooke.core.errors import DataError
from hooke.core.hashing import content_hash
from hooke.core.reading import check_table, reading
from hooke.core.types import Chunk

ROW = "row"


@dataclass(frozen=True)
class RowsSource:
    """See `core.types.Source`.

    Attributes:
        table: All rows; the first column, "row", counts from 1.
        name: For progress and messages.
        read: Some rows → their chunk; it travels to worker processes where `parallel`.
        parallel: Whether worker processes pay.
        rows_a_job: Rows of one job.
        jobs_a_part: Jobs of one finished part of the output.
        unit: What the rows are called.
        facts: What is said beside their counts.
    """

    table: pa.Table
    name: str
    read: Callable[[pa.Table], Chunk]
    parallel: bool = False
    rows_a_job: int = 1024
    jobs_a_part: int = 16
    unit: str = "rows"
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls, given: Path | str | Sequence[str], read: Callable[[pa.Table], Chunk], *, column: str, **options: Any
    ) -> RowsSource:
        """A CSV or Parquet file with this column, a text file with an item a line, or items in memory.

        Raises:
            DataError: The file cannot be read, or has no such column.
        """
        if isinstance(given, Path | str):
            return cls(_numbered(_table(Path(given), column)), Path(given).name, read, **options)
        return cls(
            _numbered(pa.table({column: pa.array(list(given), pa.string())})), f"{len(given)} items", read, **options
        )

    @property
    def schema(self) -> pa.Schema:
        """See `Source`."""
        return self.table.schema

    def content_hash(self) -> str:
        """See `Source`."""
        return content_hash(self.table.to_pydict())

    def row_count(self) -> int:
        """See `Source`."""
        return self.table.num_rows

    def jobs(self, *, skip: int = 0) -> Iterator[pa.Table]:
        """See `Source`."""
        for start in range(skip * self.rows_a_job, self.table.num_rows, self.rows_a_job):
            yield self.table.slice(start, self.rows_a_job)

    def prepare(self, job: pa.Table) -> pa.Table:
        """Nothing is done ahead."""
        return job

    def chunk(self, prepared: pa.Table) -> Chunk:
        """See `Source`."""
        return self.read(prepared)


def _numbered(table: pa.Table) -> pa.Table:
    return table.add_column(0, ROW, pa.array(range(1, table.num_rows + 1), pa.int64()))


def _table(path: Path, column: str) -> pa.Table:
    import pyarrow.csv
    import pyarrow.parquet

    suffixes = path.suffixes[-2:] if path.suffix == ".gz" else path.suffixes[-1:]
    with reading(path, "a table"):
        check_table(path)
        if suffixes[:1] == [".parquet"]:
            found = pyarrow.parquet.read_table(path)
        elif suffixes[:1] == [".csv"]:
            found = pyarrow.csv.read_csv(path)
        else:
            found = pa.table({column: pa.array(path.read_text().splitlines(), pa.string())})
        if column not in found.column_names:
            raise DataError(f"{path} has no column {column!r}; it has {', '.join(found.column_names)}")
        if ROW in found.column_names:
            raise DataError(f"{path}: {ROW!r} is the number of a row in every output; give that column another name")
    return found
