"""Tables of molecules into a store: parallel, resumable, every row accounted for.

Two phases. First, worker processes turn some rows at a time into staged files, each renamed into place when whole; a killed ingest finds
them again and does only the rest. Then the staged files are joined and the store is written, its manifest last. Rows of one table that are
the same molecule (equal canonical SMILES after standardisation) are merged by the table's rule. Rows of a mixture stay different rows,
because each table has its own split and labels.

Beside the shards lie `rejected.parquet` (rows that hold no molecule and label cells that hold no number: row, line or table, why) and
`duplicates.parquet` (rows that were merged into an earlier one). Every row of the tables is in the store or in one of these.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hooke.core.checked import read_arrays, say_made_again
from hooke.core.errors import DamagedError, DataError, UsageError
from hooke.core.files import exclusive, locked, remove_folder, replacing, write_durably
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.how import How
from hooke.core.json_text import json_text
from hooke.core.label import Label
from hooke.core.options import present
from hooke.core.parallel import ordered_map
from hooke.core.progress import progress
from hooke.core.store.integrity import is_whole, remove_damaged
from hooke.core.store.schema import manifests
from hooke.molecules.blocks import GraphLabels, MoleculeBlock, ends, take
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import KEEP_ALL, StandardiseConfig
from hooke.molecules.store import MoleculeStore, MoleculeStoreWriter
from hooke.molecules.tables.description import LabelOptions, Rule, Table
from hooke.molecules.tables.duplicates import Merged, merge_duplicates
from hooke.molecules.tables.joining import InnerMerger, Joined, check_number, counts_of_tables, members
from hooke.molecules.tables.listed import INNER
from hooke.molecules.tables.rows import Columns, find_columns, read_rows
from hooke.molecules.tables.staging import (
    HELD_OUT,
    ChunkJob,
    Plan,
    StagedChunk,
    shifted,
    stage,
    staged_block,
    staged_chunk,
    staged_labels,
)
from hooke.molecules.tables.vectors import Matched, VectorTable

INGEST_VERSION = 1  # raise it when the same table would become another store
PREPARE_VERSION = 4  # raise it when what was prepared before is not to be found again
REJECTED, DUPLICATES = "rejected.parquet", "duplicates.parquet"
COMPUTED = "descriptors"


@dataclass(frozen=True)
class IngestOptions:
    """What the descriptions of the tables do not say.

    Attributes:
        excluded: First blocks of the InChIKeys of molecules that are left out, because they are tested on elsewhere.
        descriptors: Whether every molecule also carries the computed labels of `quick_descriptors`, after those of the tables.
        vectors: A file of `hooke embed`: the molecules that it has also carry their vectors as labels, after the descriptors.
        components: Principal components that stand for their numbers; 0 for the numbers themselves.
        vectors_weight: Mean weight of these labels in a loss.
        codec: How the store is kept.
        joined: Whether rows of several tables that are the same molecule become one; see `tables.joining`.
        tested_apart: Whether molecules that one of the joined tables tests on are left out of the others.
    """

    excluded: frozenset[str] = frozenset()
    descriptors: bool = False
    vectors: Path | None = None
    components: int = 0
    vectors_weight: float = 1.0
    codec: Literal["plain", "chunked"] = "plain"
    joined: bool = False
    tested_apart: bool = False


@dataclass(frozen=True)
class IngestReport:
    """Where every row went: rows_read = rows_kept + rows_rejected + duplicates_merged."""

    rows_read: int
    rows_kept: int
    rows_rejected: int
    duplicates_merged: int
    conflicts: int  # merged values whose measurements disagree
    label_problems: int  # cells that are no number; their rows are kept without that label
    unlabelled: int  # kept molecules without any measured label
    ignored_columns: dict[str, str]  # column -> why it is no label
    split_conflicts: int = 0  # merged rows that their table puts into another part than the row that stays
    repeats: dict[str, dict[str, float]] = field(default_factory=dict)  # label -> see `duplicates.Repeats`
    rounded: dict[str, str] = field(default_factory=dict)  # label -> what is lost of its values when they are stored
    offers: dict[str, tuple[str, str]] = field(
        default_factory=dict
    )  # column -> why a logarithm is offered, and what to type for it
    fragmented: int = 0  # kept molecules of several fragments
    measured: dict[str, int] = field(default_factory=dict)  # label of molecules -> kept molecules that have it
    censored: dict[str, int] = field(default_factory=dict)  # -> of these, those with a bound
    unreadable: dict[str, int] = field(default_factory=dict)  # -> its cells among label_problems
    time_problems: int = 0  # cells of the time column that are neither date nor number; their rows are kept

    def to_json(self) -> dict[str, object]:
        """A plain dictionary."""
        return asdict(self)

    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.rows_read:,} rows: {self.rows_kept:,} molecules kept, {self.rows_rejected:,} rejected, "
            f"{self.duplicates_merged:,} duplicates merged ({self.conflicts:,} conflicting values), "
            f"{self.label_problems:,} unreadable label cells"
            + (f", {self.time_problems:,} unreadable times" if self.time_problems else "")
        )


def ingest_summary(store: MoleculeStore) -> str:
    """Where every row of the tables behind a store went, and the file that says why; empty for a store without tables."""
    counts = store.metadata.get("ingest")
    if not counts:
        return ""
    report = IngestReport(**counts)
    text = report.summary()
    if report.rows_rejected or report.label_problems or report.time_problems:
        first = pq.read_table(store.folder / REJECTED, columns=["row", "column", "reason"]).slice(0, 1).to_pylist()[0]
        text += (
            f"; first: row {first['row']}, {first['column']}: {first['reason']}; reasons in {store.folder / REJECTED}"
        )
    return text


def ingest_notes(store: MoleculeStore) -> tuple[str, ...]:
    """What should be known of the tables behind a store besides: digits lost, logarithms that are offered, salts, vectors, times."""
    counts = store.metadata.get("ingest") or {}
    offers = (
        f"offer   {name}: {why}; to learn and predict the logarithm, add {typed}"
        for name, (why, typed) in counts.get("offers", {}).items()
    )
    notes = [*(f"{name}: {what}" for name, what in counts.get("rounded", {}).items()), *offers]
    if salts := counts.get("fragmented"):
        rule = store.metadata["standardise"]["salts"]
        how = (
            'are kept whole (standardise.salts="largest" keeps the largest)'
            if rule == "keep"
            else f"are left by the rule {rule!r}"
        )
        notes.append(f"salts   {salts:,} molecules of several fragments {how}")
    if vectors := store.metadata.get("vectors"):
        notes.append(Matched(**vectors).summary())
    if time := store.metadata.get("time"):
        if time["unknown"]:
            notes.append(f"time    {time['unknown']:,} molecules without a time in {time['column']!r} are trained on")
        if time["ambiguous"]:
            notes.append(
                f"time    dates of {time['column']!r} are read with the day first, and could be read with the month first"
            )
    return tuple(notes)


def store_folder(root: Path, name: str, content: object) -> Path:
    """Where the store of this content lies: root/<name>-<hash of the content>."""
    return root / f"{name}-{content_hash([PREPARE_VERSION, content])[:12]}"


def descriptor_labels() -> list[Label]:
    """The computed labels of whole molecules."""
    from hooke.molecules.descriptors import QUICK_DESCRIPTORS

    return [Label(f"{COMPUTED}/{name}", source=COMPUTED) for name in QUICK_DESCRIPTORS]


def prepare_tables(
    tables: Sequence[Table], root: Path, name: str, how: How = How(), options: IngestOptions = IngestOptions()
) -> MoleculeStore:
    """Ingest tables below `root`, or open the store that an earlier call made of the same bytes and options.

    Args:
        tables: One without a name, or the named ones of a mixture.
        root: Folder of stores.
        name: The store's folder begins with it.
        how: Its sections are "encodings" and "standardise", which is not possible for tables with labels of atoms.
        options: The rest.

    Raises:
        DataError, UsageError, HookeError: As `ingest`.
    """
    work = _Work(tables, how, options)
    return work.store(store_folder(Path(root), name, work.identity))


def ingest(
    tables: Sequence[Table], folder: Path, how: How = How(), options: IngestOptions = IngestOptions()
) -> MoleculeStore:
    """Make the store of tables in `folder`, or open it if it is already there; a killed ingest continues.

    Raises:
        DataError: A table cannot be read or is not what its description says, none of its rows is a molecule, or `duplicates="error"` and
            there are conflicting duplicates.
        UsageError: A column that is not there, options that do not fit, or the folder holds the store of something else.
        HookeError: Another process is preparing the same store.
    """
    return _Work(tables, how, options).store(Path(folder))


class _Work:
    """All that decides what a store will hold, and how it is made."""

    def __init__(self, tables: Sequence[Table], how: How, options: IngestOptions) -> None:
        self.tables, self.how, self.options = tables, how, options
        self.encodings: EncodingConfig = how.sections.get("encodings", EncodingConfig())
        self.standardise: StandardiseConfig = how.sections.get("standardise", KEEP_ALL)
        self.mixed = bool(tables[0].name)
        self.joined = self.mixed and options.joined
        self.rule: Rule = "keep_all" if self.mixed and not self.joined else tables[0].duplicates
        if self.joined:
            check_number(len(tables))
        self.computed = descriptor_labels() if options.descriptors else []
        self.vectors = VectorTable.read(options.vectors, options.components) if options.vectors else None
        self.files = [[path for path in (*table.paths, table.split_path) if path is not None] for table in tables]
        for path in itertools.chain(*self.files):
            if not path.is_file():
                raise DataError(f"there is no file {path}")
        names = [[path.name for path in files] for files in self.files]
        self.source = (
            dict(zip((table.name for table in tables), names, strict=True)) if self.mixed else ", ".join(names[0])
        )
        self.title = ", ".join(self.source) if isinstance(self.source, dict) else self.source

    @cached_property
    def columns(self) -> list[Columns]:
        """Those of each table."""
        return [find_columns(table, show_progress=self.how.show_progress) for table in self.tables]

    @cached_property
    def identity(self) -> list[Any]:
        """What the store will be made of, written as the first versions wrote it, so that their stores are found again."""
        hashes = [[file_sha256(path) for path in files] for files in self.files]
        taught: list[Any] = [file_sha256(self.options.vectors)] if self.options.vectors else []
        how_taught = _set(
            components=self.options.components,
            weight=None if self.options.vectors_weight == 1 else self.options.vectors_weight,
        )
        taught += [how_taught] if taught and how_taught else []
        if self.mixed:
            content = [
                {
                    "name": table.name, "paths": (), "smiles": table.smiles, "columns": table.columns, "split": None, "test": table.test,
                    "files": files,
                    **_set(
                        share=_share(table), parts=table.parts, split_column=table.split_column, fractions=table.fractions,
                        cells=not table.by_columns and isinstance(table.columns, LabelOptions),
                    ),
                }
                for table, files in zip(self.tables, hashes, strict=True)
            ]  # fmt: skip
            extras = [extra for extra in (sorted(self.options.excluded), self.computed) if extra]
            joined = [{"joined": self.rule, "tested_apart": self.options.tested_apart}] if self.joined else []
            return [content, self.encodings, self.standardise, *extras, *taught, *joined]
        [table], [files] = self.tables, hashes
        options = table.columns if isinstance(table.columns, LabelOptions) else LabelOptions()
        config = {
            **{name: getattr(options, name) for name in present(options)}, "smiles": table.smiles,
            "split_column": table.split_column, "standardise": self.standardise, "encodings": self.encodings,
            "duplicates": table.duplicates, "codec": self.options.codec,
        }  # fmt: skip
        labels, more = (
            None,
            _set(files=files[1:], parts=table.parts, by_columns=table.by_columns, share=_share(table)),
        )
        if options is not table.columns:
            [columns] = self.columns
            labels = list(columns.graph.values())
            renamed = [column for column, label in columns.graph.items() if column != label.name]
            more |= _set(columns=renamed, node=columns.node, test=table.split_path and table.test)
        more |= _set(time=table.time_column)
        return [files[0], config, labels, *([more] if more else []), *taught]

    def store(self, folder: Path) -> MoleculeStore:
        """The store in this folder, made if need be."""
        recipe = content_hash([INGEST_VERSION, *self.identity])
        stage = folder / "stage"
        if not is_whole(folder) or locked(folder) or stage.exists():
            with exclusive(folder, f"is preparing {folder}", wait=bool(manifests(folder))):
                remove_damaged(folder)
                if not manifests(folder):
                    self._make(folder, recipe)
                remove_folder(stage)
        store = MoleculeStore.open(folder)
        if store.metadata.get("ingest_recipe", recipe) != recipe:
            raise UsageError(f"{folder} holds the store of another table, or of other options; choose another folder")
        return store

    def _make(self, folder: Path, recipe: str) -> None:
        graph = [label for found in self.columns for label in found.graph.values()]
        below = {level: [label for found in self.columns for label in found.of(level).values()] for level in INNER}
        counts = {level: len(labels) for level, labels in below.items()}
        if any(counts.values()) and self.standardise != KEEP_ALL:
            raise UsageError(
                "molecules whose atoms carry labels are kept as they are: leave standardise at its defaults"
            )
        if any(counts.values()) and self.encodings.explicit_hydrogens:
            raise UsageError(
                "encodings.explicit_hydrogens goes with labels of molecules alone, not of atoms, bonds or pairs"
            )
        labels = [
            *graph, *self.computed, *(self.vectors.labels if self.vectors else ()), *itertools.chain(*below.values())
        ]  # fmt: skip
        plans, graph_start, starts = [], 0, dict.fromkeys(INNER, 0)
        ordered = self.joined and any(counts.values())
        for table, found in zip(self.tables, self.columns, strict=True):
            plans.append(
                Plan(
                    table.name, found, _conversions(table), graph_start, dict(starts), counts, ordered, table.fractions,
                    len(graph) if self.computed else None, self.options.excluded, self.standardise, self.encodings,
                )
            )  # fmt: skip
            graph_start += len(found.graph)
            starts = {level: start + len(found.of(level)) for level, start in starts.items()}
        staged = self._stage(folder / "stage", plans, json_text([recipe, [label.to_json() for label in labels]]))
        self._join(staged, folder, labels, recipe)

    def _stage(self, folder: Path, plans: Sequence[Plan], wanted: str) -> dict[Path, str]:
        """Prepare all rows that an earlier run did not; returns the staged files of all rows, with the table of each."""
        stamp = folder / "recipe.json"
        if folder.exists() and not (stamp.exists() and stamp.read_text() == wanted):
            remove_folder(folder)
        if not folder.exists():
            write_durably(stamp, wanted)
        staged: dict[Path, str] = {}
        with progress(plans[0].columns.rows, f"preparing {self.title}", "rows", show=self.how.show_progress) as bar:

            def missing() -> Iterator[ChunkJob]:
                for table, plan in zip(self.tables, plans, strict=True):
                    for rows in read_rows(table, plan.columns):
                        file = folder / f"{len(staged):08d}.npz"
                        staged[file] = plan.table
                        if _whole(file):
                            bar.advance(len(rows))
                        else:
                            yield ChunkJob(rows, plan, file)

            jobs = missing()
            first = list(itertools.islice(jobs, 3))
            workers = self.how.workers if len(first) == 3 else 0  # else not worth the start of processes
            for count in ordered_map(stage, itertools.chain(first, jobs), workers=workers):
                bar.advance(count)
        return staged

    def _join(self, staged: Mapping[Path, str], folder: Path, labels: Sequence[Label], recipe: str) -> None:
        """Write the store; where rows stay as they are, memory does not grow with the tables."""
        chunks: list[StagedChunk] = []
        keys: list[np.ndarray] = []
        refused: list[dict[str, Any]] = []
        names = [table.name for table in self.tables]
        counts = {name: {"rows_read": 0, "rows_kept": 0} for name in names}
        for file, name in staged.items():
            chunk = staged_chunk(file)
            refused += chunk.refused
            counts[name]["rows_read"] += chunk.rows
            counts[name]["rows_kept"] += len(chunk.keys)
            if self.vectors:
                keys.append(chunk.keys)
            if self.rule != "keep_all":
                chunks.append(chunk)
        numbers = [names.index(name) for name in staged.values()]
        joined = Joined.of(chunks, numbers, tested_apart=self.options.tested_apart) if self.joined else None
        if joined is not None:
            refused += joined.refused(names, np.concatenate([chunk.source_row for chunk in chunks]))
        _write_rejected(folder / REJECTED, refused, mixed=self.mixed)
        read = sum(count["rows_read"] for count in counts.values())
        rejected = sum(entry["what"] == "row" for entry in refused)
        found = read - rejected
        if not found:
            first = f" Row {refused[0]['row']}: {refused[0]['reason']}" if refused else ""
            raise DataError(
                f"{self.title}: none of its {rejected:,} rows holds a molecule, see {folder / REJECTED}.{first}"
            )
        merged = _merged(staged, chunks, labels, self.rule, joined)
        inner = self._inner(staged, merged, labels) if joined is not None else None
        tables = None if joined is None else members(merged.kept_row, joined.table)
        if joined is not None and tables is not None:
            merged = replace(merged, kept_row=np.where(joined.dropped, -1, merged.kept_row))
            tables = np.where(merged.keep, tables, np.uint64(0))
            read_rows = {name: count["rows_read"] for name, count in counts.items()}
            counts = counts_of_tables(names, read_rows, joined.table, joined.dropped, tables)
        vectors, matched, place = None, None, 0
        if self.vectors:
            stored = np.concatenate(keys)
            stored = stored[merged.keep] if len(merged.keep) else stored
            vectors, matched = self.vectors.met(stored, self.options.vectors_weight)
            place = sum(label.level == "graph" for label in labels) - len(vectors.labels)
            labels = [*labels[:place], *vectors.labels, *labels[place + len(vectors.labels) :]]
        split_conflicts = _write_duplicates(folder / DUPLICATES, merged, chunks, names, joined)
        columns, times = self.columns[0], _earliest(chunks, merged)
        writer = MoleculeStoreWriter(
            folder, labels, self.encodings, codec=self.options.codec, timed=bool(columns.time), joined=self.joined
        )
        kept = unlabelled = untimed = fragmented = 0
        graph = [label.name for label in labels if label.level == "graph"]
        measured, censored = np.zeros(len(graph), np.int64), np.zeros(len(graph), np.int64)
        with progress(found, f"storing {self.title}", "molecules", show=self.how.show_progress) as bar:
            for block in _kept_blocks(staged, merged, times, inner, tables):
                if vectors:
                    more = shifted(vectors.of(block.smiles), place)
                    block = replace(block, graph_labels=block.graph_labels.beside(more))
                writer.append(block)
                untimed += 0 if block.time is None else int(np.isnan(block.time).sum())
                kept += len(block.arrays)
                unlabelled += _unlabelled(block)
                fragmented += sum("." in smiles for smiles in block.smiles)
                index, bounded = block.graph_labels.index, block.graph_labels.bound != 0
                measured += np.bincount(index, minlength=len(graph))
                censored += np.bincount(index[bounded], minlength=len(graph))
                bar.advance(len(block.arrays))
        of_table = dict(zip(names, self.columns, strict=True))
        named = [of_table[entry["table"]].graph.get(entry["column"]) for entry in refused if entry["what"] == "label"]
        unreadable = Counter(label.name for label in named if label is not None)
        prefix = {name: f"{name}/" if name else "" for name in names}
        ignored = {
            prefix[name] + column: why for name, found in of_table.items() for column, why in found.ignored.items()
        }
        rounded, offers = (
            {name: what for found in self.columns for name, what in getattr(found, field).items()}
            for field in ("rounded", "offers")
        )
        report = IngestReport(
            read, kept, rejected, int(((~merged.keep) & (merged.kept_row >= 0)).sum()),
            merged.conflicts + (inner.conflicts if inner else 0), len(named), unlabelled, ignored, split_conflicts,
            {name: asdict(repeats) for name, repeats in merged.repeats.items()}, rounded, offers, fragmented,
            _named(graph, measured), _named(graph, censored), dict(unreadable),
            sum(entry["what"] == "time" for entry in refused),
        )  # fmt: skip
        if report.rows_read != report.rows_kept + report.rows_rejected + report.duplicates_merged:
            raise DataError(f"rows are missing, which is a mistake in Hooke, please report it: {report.summary()}")
        writer.add_file(REJECTED)
        writer.add_file(DUPLICATES)
        rules = {"duplicates": self.rule, "standardise": asdict(self.standardise)}
        metadata: dict[str, Any] = {"source": self.source, "ingest_recipe": recipe, **rules, "ingest": report.to_json()}
        if columns.time:
            metadata["time"] = {"column": columns.time, **asdict(columns.moments), "unknown": untimed}
        if matched:
            metadata["vectors"] = matched.to_json()
        if self.mixed:
            metadata["tables"] = counts
        if self.joined:
            metadata["unsplit"] = [table.name for table in self.tables if not table.published_split]
        if self.options.excluded:
            metadata["held_out"] = sum(entry["reason"] == HELD_OUT for entry in refused)
        writer.close(metadata)

    def _inner(self, staged: Iterable[Path], merged: Merged, labels: Sequence[Label]) -> InnerMerger | None:
        """The merged labels of atoms, bonds and pairs of molecules that stand in several rows."""
        below = {level: [label for label in labels if label.level == level] for level in INNER}
        return (
            InnerMerger(map(staged_block, staged), merged.kept_row, below, self.rule) if any(below.values()) else None
        )


def _set(**values: Any) -> dict[str, Any]:
    """Those that are not empty: what the first versions did not know leaves no trace in what they made."""
    return {name: value for name, value in values.items() if value}


def _named(names: Sequence[str], counts: np.ndarray) -> dict[str, int]:
    return {name: count for name, count in zip(names, counts.tolist(), strict=True) if count}


def _share(table: Table) -> float | None:
    return None if table.share == 1 else table.share


def _conversions(table: Table) -> dict[str, tuple[str, str]]:
    """Column -> unit of the raw value and unit to convert to."""
    options = table.columns
    if not isinstance(options, LabelOptions):
        return {}
    found = {name: options.conversion(name) for name in {**options.convert_to, **options.transforms}}
    return {name: conversion for name, conversion in found.items() if conversion is not None}


def _whole(file: Path) -> bool:
    """Whether a staged file of an earlier run is there and undamaged."""
    try:
        return file.exists() and bool(read_arrays(file))
    except DamagedError as error:
        say_made_again(error)
        return False


def _merged(
    staged: Iterable[Path], chunks: Sequence[StagedChunk], labels: Sequence[Label], rule: Rule, joined: Joined | None
) -> Merged:
    """Which rows stay, and their labels; of nothing where all stay."""
    if rule == "keep_all":
        return Merged(np.arange(0), np.arange(0), GraphLabels.from_dense(np.zeros((0, 0))))
    keys, rows = (np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in ("keys", "source_row"))
    graph = [label for label in labels if label.level == "graph"]
    return merge_duplicates(joined.keys if joined else keys, rows, lambda: map(staged_labels, staged), graph, rule)


def _earliest(chunks: Sequence[StagedChunk], merged: Merged) -> np.ndarray | None:
    """(N,) the earliest time of each molecule, at the row that stays; None where nothing is merged or nothing has a time."""
    if not chunks or chunks[0].time is None:
        return None
    times = np.concatenate([chunk.time for chunk in chunks if chunk.time is not None])
    earliest = times.copy()
    np.fmin.at(earliest, merged.kept_row, times)
    return earliest


def _kept_blocks(
    staged: Iterable[Path],
    merged: Merged,
    times: np.ndarray | None,
    inner: InnerMerger | None,
    tables: np.ndarray | None,
) -> Iterator[MoleculeBlock]:
    """The molecules that stay, with merged labels, times and tables."""
    if not len(merged.kept_row):
        yield from map(staged_block, staged)
        return
    start = 0
    for file in staged:
        block = staged_block(file)
        stop = start + len(block.arrays)
        first, last = np.searchsorted(merged.rows, [start, stop])
        if last > first:
            others = merged.labels.rows(np.arange(first, last))
            labels = block.graph_labels.replaced(merged.rows[first:last] - start, others)
            block = replace(block, graph_labels=labels)
        if times is not None:
            block = replace(block, time=times[start:stop])
        if inner is not None:
            block = inner.applied(block, start)
        if tables is not None:
            block = replace(block, tables=tables[start:stop])
        yield take(block, np.flatnonzero(merged.keep[start:stop]))
        start = stop


def _unlabelled(block: MoleculeBlock) -> int:
    """Molecules without any measured label."""
    without = np.diff(block.graph_labels.offsets) == 0
    for values, offsets in (
        (block.node_labels, block.arrays.atom_offsets),
        (block.edge_labels, block.arrays.bond_offsets),
        (block.pair_labels, block.pair_offsets),
    ):
        if values is not None and offsets is not None:
            without &= np.diff(ends((~np.isnan(values)).any(axis=1))[offsets]) == 0
    return int(without.sum())


def _write_rejected(path: Path, refused: list[dict[str, Any]], *, mixed: bool) -> None:
    """Rows of a mixture are named by table and row, those of a table by row and line."""
    numbers = [(name, pa.int64()) for name in ("row", "line")]
    texts = [(name, pa.string()) for name in ("what", "column", "value", "reason")]
    columns = [("table", pa.string()), numbers[0]] if mixed else numbers
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pylist(refused, schema=pa.schema([*columns, *texts])), temporary)


def _write_duplicates(
    path: Path, merged: Merged, chunks: Sequence[StagedChunk], names: Sequence[str], joined: Joined | None
) -> int:
    """List the merged rows; returns how many of them their table puts into another part than the row that stays."""
    gone = np.flatnonzero(~merged.keep & (merged.kept_row >= 0))
    stays = merged.kept_row[gone]
    rows, split = (
        np.concatenate([np.zeros(0, np.int64), *(getattr(chunk, name) for chunk in chunks)])
        for name in ("source_row", "split")
    )
    columns: dict[str, Any] = {
        "row": pa.array(rows[gone], pa.int64()),
        "merged_into": pa.array(rows[stays], pa.int64()),
    }
    if joined is not None:
        of_rows = {"table": gone, "into_table": stays}
        columns |= {name: pa.array([names[joined.table[row]] for row in found]) for name, found in of_rows.items()}
    with replacing(path) as temporary:
        pq.write_table(pa.table(columns), temporary)
    return int((split[gone] != split[stays]).sum())
