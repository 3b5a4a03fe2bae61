"""The stream that every verb on a user's file shares: source → jobs → chunks → new columns → parts → one file.

Finished parts (some ten thousand rows of a table, some dozens of wells) lie in `<output>.parts/` until the last is written; then
they are joined, row group by row group. So memory holds a few chunks, whatever the length of the source, and a killed command
continues after its last finished part. Batches are cut within chunks, which are the same in every run: the same command gives the
same rows, killed or not. Worker processes do whole jobs where the source says that this pays; with a GPU they prepare, and this
process computes.
Within `core.cluster.on_cluster` the workers of a cluster compute whole chunks.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hooke.core.checked import SEAL, check_seal, say_made_again, seal
from hooke.core.cluster import cluster_map, current
from hooke.core.errors import DamagedError, DataError, UsageError
from hooke.core.files import (
    disk_full_explained,
    exclusive,
    locked,
    remove_folder,
    replacing,
    write_durably,
)
from hooke.core.formulas import escaped, escaped_names, refuse_formulas
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.json_text import json_text
from hooke.core.notebook import card
from hooke.core.parallel import ordered_map
from hooke.core.progress import progress
from hooke.core.types import Chunk, Source
from hooke.inference.parts import (
    STAMP,
    begin,
    complete,
    folder_of,
    mark_complete,
    path_of,
    read_parquet_stamp,
    rows_of,
)
from hooke.version import __version__

Result = TypeVar("Result")
KINDS_OF_REASONS = 1000  # counted apart; millions of different ones must not fill the memory
SUFFIXES = (".parquet", ".csv")
_LISTED = 12  # entries of a mapping in sentences


class Columns(Protocol):
    """What is computed for the rows of a chunk."""

    @property
    def schema(self) -> pa.Schema:
        """The new columns."""

    @property
    def on_gpu(self) -> bool:
        """Whether they are computed on a GPU."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """What is said of them beside the counts of rows."""

    @property
    def counted(self) -> Sequence[str]:
        """Columns of few different texts, whose rows are counted by text."""

    def compute(self, chunk: Chunk) -> tuple[list[pa.Array], dict[int, str]]:
        """The new columns for the rows that have items (`Chunk.rows`), and for which of them (position → reason) there is no value."""


@dataclass(frozen=True)
class StreamReport:
    """Where every row went: rows = done + rejected.

    Attributes:
        output: The file written.
        rows: Rows of the source, all of them in the output, in order.
        done: Rows with values.
        rejected: Rows without, each with its reason in the column `reason`.
        reasons: The most frequent reasons with their counts.
        seconds: Wall time of this call.
        resumed_rows: Rows taken from an earlier call that was stopped.
        model_hash: Of the run that made the values.
        facts: What the source and the columns say of themselves.
        unit: What its rows are called.
        following: The command that people run next; "" for none.
        counts: Column → text → rows, of columns of few different texts (predicted classes, inside or outside of the domain).
    """

    output: str
    rows: int
    done: int
    rejected: int
    reasons: dict[str, int]
    seconds: float
    resumed_rows: int
    model_hash: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    unit: str = "rows"
    following: str = ""
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary."""
        plain = {name: value for name, value in asdict(self).items() if name not in ("facts", "unit", "following")}
        return {**self.facts, **plain}

    def _repr_html_(self) -> str:
        """For notebooks: the sums, and why rows were rejected."""
        about = {"output": self.output, self.unit: self.rows, "done": self.done, "rejected": self.rejected}
        return card(
            "Written",
            about | {"next": self.following},
            ("rows", "reason"),
            [(n, why) for why, n in self.reasons.items()],
        )

    def summary(self) -> str:
        """A few lines for people."""
        lines = [
            f"{self.rows:,} {self.unit}: {self.done:,} done, {self.rejected:,} rejected, written to {self.output}",
            *(f"  {count:,} × {reason}" for reason, count in self.reasons.items()),
            *(f"  {name} {_shown(value)}" for name, value in self.facts.items() if name != "left_out"),
            *(
                f"  {name}: {', '.join(f'{count:,} {text}' for text, count in found.items())}"
                for name, found in self.counts.items()
            ),
        ]
        if left_out := self.facts.get("left_out"):
            lines.append(left_out)
        if self.following:
            lines.append(f"next    {self.following}")
        return "\n".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        parts = [f"{key} {_shown(part)}" for key, part in value.items()]
        more = [f"... and {len(parts) - _LISTED} more"] if len(parts) > _LISTED else []
        return ", ".join([*parts[:_LISTED], *more])
    if isinstance(value, float):
        return f"{value:.3g}"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def stream(
    source: Source,
    output: Path,
    columns: Columns,
    stamp: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    workers: int | None,
    resume: bool,
    show_progress: bool,
    doing: str,
    suffixes: Sequence[str] = SUFFIXES,
    escape_formulas: bool = False,
) -> StreamReport:
    """Write the source's rows with new columns to `output`; see the module's head for how.

    Args:
        source: Where the rows come from.
        output: .parquet or .csv.
        columns: What to compute.
        stamp: Kept in the output: Parquet metadata, or `<output>.json` beside a CSV.
        options: What else the values depend on; an unfinished output of other options is not continued.
        workers: Processes for preparing; None takes all cores.
        resume: Continue an unfinished output, and keep a finished one of the same work.
        show_progress: Show progress.
        doing: "predicting" or "embedding".
        suffixes: Kinds of output that can be written.
        escape_formulas: In a CSV, put an apostrophe before texts that a spreadsheet would run; see `core.formulas`.

    Raises:
        UsageError: The output's name says no kind of file that can be written, or formulas in something else than a CSV.
        DataError: The source cannot be read, holds no rows, or the disk is full.
        HookeError: Another process writes the same output.
    """
    output, started = Path(output), time.monotonic()
    if output.suffix.lower() not in suffixes:
        raise UsageError(f"the output must end in {' or '.join(suffixes)}, got {output.name}")
    if escape_formulas:
        refuse_formulas(output)
        options = {**options, "escape_formulas": True}
    stamp = {**stamp, "source_hash": source.content_hash(), "hooke": __version__}
    identity = content_hash([stamp, dict(options), source.schema.to_string(), columns.schema.to_string()])
    stamp = {**stamp, "identity": identity, "facts": {**source.facts, **columns.facts}}
    if (
        resume
        and not (locked(output) or folder_of(output).exists())
        and (finished := _finished(output, stamp, source.unit)) is not None
    ):
        return finished
    parts = folder_of(output)
    with (
        exclusive(output, f"is writing {output}", others=(parts, _side_file(output))),
        disk_full_explained(output.parent, "the finished parts are kept"),
    ):
        # by another process, or all but its parts
        if resume and (finished := _finished(output, stamp, source.unit)) is not None:
            remove_folder(parts)
            return finished
        before = begin(parts, content_hash([identity, source.rows_a_job, source.jobs_a_part]), resume=resume)
        schema = output_schema(source.schema, columns.schema)
        resumed = rows_of(parts, before)
        _write_parts(source, parts, before, schema, columns, workers, resumed, doing, show_progress=show_progress)
        report = _join(parts, output, schema, stamp, started, resumed, source.unit, columns.counted, escape_formulas)
        remove_folder(parts)
    return report


def computed(source: Source, columns: Columns, *, skip: int = 0, workers: int | None = None) -> Generator[pa.Table]:
    """The rows of each job with their new columns, computed here, in worker processes or in the workers of a cluster."""
    cluster = current()
    with closing(
        _jobs(source, skip)
    ) as jobs:  # closed at once when a command is stopped, not when its traceback is thrown away
        if cluster is not None:
            work, gpus = _Whole(source, columns), 1.0 if columns.on_gpu else 0.0
            with closing(cluster_map(cluster, work, jobs, workers=workers, gpus=gpus)) as tables:
                yield from tables
        elif columns.on_gpu or workers in (0, 1) or not source.parallel:
            with closing(_in_processes(source.prepare, jobs, workers if source.parallel else 0)) as prepared:
                yield from (table_of(source.chunk(one), columns, source) for one in prepared)
        else:  # on a CPU each process does its job from rows to values: nothing waits for one that does all the rest
            yield from _in_processes(_Whole(source, columns), jobs, workers)


def _jobs(source: Source, skip: int) -> Generator[Any]:
    yield from source.jobs(skip=skip)


def table_of(chunk: Chunk, columns: Columns, source: Source) -> pa.Table:
    """The rows of a chunk with their new columns: null, with a reason, where there is no item or no value; no number is NaN or infinite."""
    schema = output_schema(source.schema, columns.schema)
    values, failed = columns.compute(chunk)
    count = chunk.table.num_rows
    place: list[int | None] = [None] * count
    reasons: list[str | None] = [chunk.reasons.get(position) for position in range(count)]
    for number, position in enumerate(chunk.rows.tolist()):
        if number in failed:
            reasons[position] = failed[number]
        else:
            place[position] = number
    index = pa.array(place, pa.int64())
    new = [_finite(value.take(index)) for value in values]
    given = [column.combine_chunks() for column in chunk.table.columns]
    return pa.Table.from_arrays([*given, *new, pa.array(reasons, pa.string())], schema=schema)


def _finite(values: pa.Array) -> pa.Array:
    """Null in place of NaN and infinities, in lists too."""
    if pa.types.is_list(values.type):
        return pa.ListArray.from_arrays(values.offsets, _finite(values.values), values.type, mask=values.is_null())
    if not pa.types.is_floating(values.type):
        return values
    return pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))


def output_schema(given: pa.Schema, new: pa.Schema) -> pa.Schema:
    """The given columns (renamed where a new column has their name), the new columns, reason."""
    taken = {"reason", *new.names}
    fields = []
    for number, column in enumerate(given):
        name = column.name
        while name in taken or name in given.names[:number]:
            name += "_input"
        taken.add(name)
        fields.append(column.with_name(name))
    return pa.schema([*fields, *new, pa.field("reason", pa.string())])


def _write_parts(
    source: Source,
    parts: Path,
    before: int,
    schema: pa.Schema,
    columns: Columns,
    workers: int | None,
    resumed: int,
    doing: str,
    *,
    show_progress: bool,
) -> None:
    if complete(parts):
        return
    skip = before * source.jobs_a_part
    with (
        closing(computed(source, columns, skip=skip, workers=workers)) as tables,  # ends workers on Ctrl-C
        progress(source.row_count(), f"{doing} {source.name}", source.unit, show=show_progress) as bar,
    ):
        bar.advance(resumed)
        for number, group in enumerate(_groups(tables, source.jobs_a_part), start=before):
            with replacing(path_of(parts, number)) as temporary:
                with _parquet(temporary, schema) as writer:
                    for table in group:
                        writer.write_table(table)
                        bar.advance(len(table))
                    writer.add_key_value_metadata(SEAL)
                seal(temporary)
    if not path_of(parts, 0).exists():
        raise DataError(f"{source.name} holds no rows")
    mark_complete(parts)


@dataclass(frozen=True)
class _Whole:
    """In a worker: a job from its rows to its values."""

    source: Source
    columns: Columns

    def __call__(self, job: Any) -> pa.Table:
        return table_of(self.source.chunk(self.source.prepare(job)), self.columns, self.source)


def _in_processes(work: Callable[[Any], Result], jobs: Iterator[Any], workers: int | None) -> Generator[Result]:
    """`ordered_map`; a single job is not worth the start of processes."""
    first = list(itertools.islice(jobs, 2))
    yield from ordered_map(work, itertools.chain(first, jobs), workers=workers if len(first) > 1 else 0)


def _groups(tables: Generator[pa.Table], size: int) -> Iterator[Iterator[pa.Table]]:
    """The jobs of each part; a group must be used up before the next is asked for."""
    for first in tables:
        yield itertools.chain([first], itertools.islice(tables, size - 1))


def _join(
    parts: Path, output: Path, schema: pa.Schema, stamp: Mapping[str, Any], started: float, resumed: int, unit: str,
    counted: Sequence[str], escape_formulas: bool,
) -> StreamReport:  # fmt: skip
    """All parts as one file, in its place at once; what says that it is finished comes last, and holds its checksum."""
    rows, reasons = 0, Counter[str]()
    counts = {name: Counter[str]() for name in counted}
    csv = output.suffix.lower() == ".csv"
    with replacing(output) as temporary:
        with _CsvOutput(temporary, schema, escape_formulas) if csv else _ParquetOutput(temporary, schema) as writer:
            for path in sorted(parts.glob("part-*.parquet")):
                file = pq.ParquetFile(path)
                for batch in file.iter_batches():
                    table = pa.Table.from_batches([batch], schema=schema)
                    rows += len(table)
                    for reason, count in _counted(table["reason"]):
                        known = reason in reasons or len(reasons) < KINDS_OF_REASONS
                        reasons[reason if known else "other reasons"] += count
                    for name, found in counts.items():
                        found.update(dict(_counted(table[name])))
                    writer.write(table)
            report = {"rows": rows, "reasons": dict(reasons.most_common(10)), "rejected": sum(reasons.values())}
            report["counts"] = {name: dict(found.most_common()) for name, found in counts.items()}
            stamp = {**stamp, "report": report}
            writer.finish(stamp)
        if csv:
            beside_it = {**stamp, "sha256": file_sha256(temporary)}
        else:
            seal(temporary)
    if csv:
        write_durably(_side_file(output), json_text(beside_it, indent=1))
    return _report(output, stamp, started, resumed, unit)


def _counted(column: pa.ChunkedArray) -> Iterator[tuple[str, int]]:
    """The different values with their numbers."""
    for entry in pc.value_counts(column.drop_null()).to_pylist():
        yield str(entry["values"]), entry["counts"]


def _parquet(temporary: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Dictionaries for texts alone: numbers nearly all differ, and their files would be half as large again."""
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    return pq.ParquetWriter(temporary, schema, compression="zstd", use_dictionary=texts)


class _ParquetOutput:
    """Parquet with the stamp in its metadata."""

    def __init__(self, temporary: Path, schema: pa.Schema) -> None:
        self._writer = _parquet(temporary, schema)

    def __enter__(self) -> _ParquetOutput:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, table: pa.Table) -> None:
        self._writer.write_table(table)

    def finish(self, stamp: Mapping[str, Any]) -> None:
        self._writer.add_key_value_metadata({STAMP.decode(): json_text(stamp), **SEAL})


class _CsvOutput:
    """CSV; lists are written as a|b|c, vectors as a column for each number: name_0, name_1, ..."""

    def __init__(self, temporary: Path, schema: pa.Schema, escape_formulas: bool) -> None:
        from pyarrow import csv

        schema = pa.schema(list(itertools.chain.from_iterable(map(_numbers_of, schema))))
        lists = [pa.types.is_list(field.type) for field in schema]
        self._lists = [number for number, is_list in enumerate(lists) if is_list]
        flat = [pa.field(f.name, pa.string()) if is_list else f for f, is_list in zip(schema, lists, strict=True)]
        self._escape = escape_formulas
        if escape_formulas:
            flat = [f.with_name(name) for f, name in zip(flat, escaped_names(schema.names), strict=True)]
        self._writer = csv.CSVWriter(temporary, pa.schema(flat))

    def __enter__(self) -> _CsvOutput:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()

    def write(self, table: pa.Table) -> None:
        table = _flat(table)
        for number in self._lists:
            texts = pc.binary_join(table.column(number).cast(pa.list_(pa.string())), "|")
            table = table.set_column(number, table.field(number).name, texts)
        self._writer.write_table(escaped(table) if self._escape else table)

    def finish(self, stamp: Mapping[str, Any]) -> None:
        """The stamp of a CSV lies beside it."""


def _numbers_of(field: pa.Field) -> list[pa.Field]:
    """A field for each number of a vector; any other field itself."""
    if not pa.types.is_fixed_size_list(field.type):
        return [field]
    return [pa.field(f"{field.name}_{place}", field.type.value_type) for place in range(field.type.list_size)]


def _flat(table: pa.Table) -> pa.Table:
    """A column for each number of a vector."""
    if not any(pa.types.is_fixed_size_list(field.type) for field in table.schema):
        return table
    columns: list[pa.ChunkedArray] = []
    for given, column in zip(table.schema, table.columns, strict=True):
        parts = range(given.type.list_size) if pa.types.is_fixed_size_list(given.type) else ()
        columns += [pc.list_element(column, place) for place in parts] or [column]
    return pa.table(columns, schema=pa.schema(list(itertools.chain.from_iterable(map(_numbers_of, table.schema)))))


def _side_file(output: Path) -> Path:
    return output.with_name(output.name + ".json")


def read_stamp(output: Path) -> dict[str, Any] | None:
    """Which model and data a file of predictions or embeddings was made from; None when Hooke did not make it."""
    if output.suffix.lower() != ".csv":
        return read_parquet_stamp(output)
    try:
        return json.loads(_side_file(output).read_bytes())
    except (OSError, ValueError):
        return None


def _check(output: Path, stamp: Mapping[str, Any]) -> None:
    if output.suffix.lower() != ".csv":
        check_seal(output)
    elif stamp.get("sha256", digest := file_sha256(output)) != digest:
        raise DamagedError(output)


def _finished(output: Path, stamp: Mapping[str, Any], unit: str) -> StreamReport | None:
    if not output.exists():
        return None
    found = read_stamp(output)
    if found is None or found.get("identity") != stamp["identity"]:
        return None
    try:
        _check(output, found)
    except DamagedError as error:
        say_made_again(error)
        return None
    return _report(output, found, time.monotonic(), found["report"]["rows"], unit)


def _report(output: Path, stamp: Mapping[str, Any], started: float, resumed: int, unit: str) -> StreamReport:
    counts = stamp["report"]
    return StreamReport(
        os.fspath(output),
        counts["rows"],
        counts["rows"] - counts["rejected"],
        counts["rejected"],
        counts["reasons"],
        round(time.monotonic() - started, 1),
        resumed,
        stamp["model_hash"],
        stamp.get("facts", {}),
        unit,
        counts=counts.get("counts", {}),
    )
