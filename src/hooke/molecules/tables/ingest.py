"""A table of molecules into a store: parallel, resumable, every row accounted for.

Two phases. First, worker processes turn chunks of rows into staged files, each renamed into place when whole; a killed
ingest finds them again and does only the rest. Then the staged files are joined: duplicates (equal canonical SMILES
after standardisation) are merged by the stated rule and the store is written, its manifest last.

Beside the shards lie `rejected.parquet` (rows that hold no molecule and label cells that hold no number: row, line, why) and
`duplicates.parquet` (rows that were merged into an earlier one). Every row of the table is in the store or in one of these.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.files import exclusive
from hooke.core.hashing import content_hash, file_sha256
from hooke.core.label import Kind, Label, Transform
from hooke.core.parallel import ordered_map
from hooke.core.progress import progress
from hooke.core.store.schema import manifests
from hooke.core.units import factor
from hooke.molecules.blocks import MoleculeBlock, take
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import KEEP_ALL, StandardiseConfig
from hooke.molecules.store import MoleculeStore, MoleculeStoreWriter
from hooke.molecules.tables.duplicates import Merged, Rule, merge_duplicates
from hooke.molecules.tables.reading import column_names, read_table, smiles_column
from hooke.molecules.tables.staging import ChunkJob, StagedChunk, stage, staged_block, staged_chunk, staged_labels
from hooke.molecules.tables.values import ColumnProfile, LabelOptions

INGEST_VERSION = 1  # raise it when the same table would become another store
REJECTED, DUPLICATES = "rejected.parquet", "duplicates.parquet"


@dataclass(frozen=True)
class IngestConfig:
    """How a table becomes a store.

    Attributes:
        smiles: SMILES column; None recognises the usual names.
        targets: Label columns, or "auto": every column that is mostly numbers and no identifier.
        split_column: Column of train/valid/test, or None.
        kinds: Label -> "regression", "binary", "multiclass" or "ordinal"; by default a column of 0 and 1 is binary and any other
            a regression.
        transforms: Label -> "log10", "log1p" or "minus_log10", applied to the raw value.
        units: Label -> unit of the raw value; kept in the label.
        convert_to: Label -> unit to convert to (before the transform).
        standardise: What is done to each molecule.
        encodings: Which encodings are stored.
        duplicates: What becomes of rows with equal canonical SMILES: "mean", "median" or "first" of their measurements
            (classes: majority, a tie is missing), "error" if they conflict, or "keep_all".
        codec: "plain" or "chunked".
    """

    smiles: str | None = None
    targets: Literal["auto"] | tuple[str, ...] = "auto"
    split_column: str | None = None
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    transforms: Mapping[str, Transform] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    convert_to: Mapping[str, str] = field(default_factory=dict)
    standardise: StandardiseConfig = KEEP_ALL
    encodings: EncodingConfig = EncodingConfig()
    duplicates: Rule = "mean"
    codec: Literal["plain", "chunked"] = "plain"

    @property
    def label_options(self) -> LabelOptions:
        """What is said about label columns."""
        return LabelOptions(self.kinds, self.units, self.convert_to, self.transforms)


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

    def to_json(self) -> dict[str, object]:
        """A plain dictionary."""
        return asdict(self)

    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.rows_read:,} rows: {self.rows_kept:,} molecules kept, {self.rows_rejected:,} rejected, "
            f"{self.duplicates_merged:,} duplicates merged ({self.conflicts:,} conflicting values), "
            f"{self.label_problems:,} unreadable label cells"
        )


def ingest_summary(store: MoleculeStore) -> str:
    """Where every row of the tables behind a store went, and the file that says why; empty for a store without tables."""
    counts = store.metadata.get("ingest")
    if not counts:
        return ""
    report = IngestReport(**counts)
    text = report.summary()
    if report.rows_rejected or report.label_problems:
        text += f"; reasons in {store.folder / REJECTED}"
    return text


def ingest(
    path: Path,
    folder: Path,
    config: IngestConfig = IngestConfig(),
    *,
    labels: Sequence[Label] | None = None,
    workers: int | None = None,
    show_progress: bool = True,
) -> tuple[MoleculeStore, IngestReport]:
    """Make the store of one table, or open it if it is already there; a killed ingest continues.

    Args:
        path: The table; see `tables.read_table`.
        folder: The store.
        config: How.
        labels: What the label columns are, when a data set states it; else decided from `config`.
        workers: Processes; None takes all cores.
        show_progress: Show a progress bar.

    Raises:
        DataError: The table cannot be read, none of its rows is a molecule, or `duplicates="error"` and there are conflicting
            duplicates.
        UsageError: A column that is not there, options that do not fit, or the folder holds the store of something else.
        HookeError: Another process is preparing the same store.
    """
    path, folder = Path(path), Path(folder)
    if not path.is_file():
        raise DataError(f"there is no file {path}")
    recipe = content_hash([INGEST_VERSION, file_sha256(path), config, labels])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(folder.with_name(f"{folder.name}.lock"), f"is preparing {folder}"):
        if not manifests(folder):
            _ingest(path, folder, config, labels, recipe, workers, show_progress)
        shutil.rmtree(folder / "stage", ignore_errors=True)
    store = MoleculeStore.open(folder)
    if store.metadata.get("ingest_recipe") != recipe:
        raise UsageError(f"{folder} holds the store of another table, or of other options; choose another folder")
    return store, IngestReport(**store.metadata["ingest"])


def _ingest(
    path: Path,
    folder: Path,
    config: IngestConfig,
    labels: Sequence[Label] | None,
    recipe: str,
    workers: int | None,
    show_progress: bool,
) -> None:
    columns = column_names(path)
    smiles = smiles_column(columns, config.smiles)
    if config.split_column is not None and config.split_column not in columns:
        raise UnknownNameError("split column", config.split_column, columns)
    total: int | None = None
    ignored: dict[str, str] = {}
    if labels is not None:
        for label in labels:
            if label.name not in columns:
                raise UnknownNameError("label column", label.name, columns)
        found = list(labels)
    else:
        candidates = _candidates(columns, smiles, config)
        profiles, total = _profile(path, candidates, show_progress)
        if config.targets == "auto":
            ignored = {name: reason for name, profile in profiles.items() if (reason := profile.no_label())}
        found = [profile.label(config.label_options) for name, profile in profiles.items() if name not in ignored]
    staged = _stage_all(path, folder / "stage", smiles, found, config, recipe, total, workers, show_progress)
    _join(staged, folder, config, found, {"source": path.name, "ingest_recipe": recipe}, ignored)


def _candidates(columns: Sequence[str], smiles: str, config: IngestConfig) -> list[str]:
    """The columns that may be labels, with everything that is said about them checked."""
    others = [name for name in columns if name not in (smiles, config.split_column)]
    if config.targets == "auto":
        candidates = others
    else:
        for name in config.targets:
            if name not in others:
                raise UnknownNameError("target column", name, others)
        candidates = list(config.targets)
    for name in config.label_options.columns():
        if name not in candidates:
            raise UnknownNameError("label column in kinds, units, convert_to or transforms", name, candidates)
    for name, target in config.convert_to.items():
        if name not in config.units:
            raise UsageError(f"convert_to.{name} = {target!r} needs the unit of the raw values: set units.{name}")
        factor(config.units[name], target)
    return candidates


def _profile(path: Path, names: Sequence[str], show_progress: bool) -> tuple[dict[str, ColumnProfile], int]:
    """What each column holds, over the whole table, and the number of rows."""
    profiles = {name: ColumnProfile(name) for name in names}
    total = 0
    with progress(None, f"looking through {path.name}", "rows", show=show_progress) as bar:
        for chunk in read_table(path):
            for name, profile in profiles.items():
                profile.add(chunk.columns[name])
            total += len(chunk)
            bar.advance(len(chunk))
    return profiles, total


def _stage_all(
    path: Path,
    stage_folder: Path,
    smiles: str,
    labels: list[Label],
    config: IngestConfig,
    recipe: str,
    total: int | None,
    workers: int | None,
    show_progress: bool,
) -> list[Path]:
    """Prepare all chunks that an earlier run did not, and list the staged files of all."""
    stamp = stage_folder / "recipe.json"
    wanted = json.dumps([recipe, [label.to_json() for label in labels]])
    if stage_folder.exists() and not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(stage_folder)
    if not stage_folder.exists():
        stage_folder.mkdir(parents=True)
        stamp.write_text(wanted)
    staged: list[Path] = []
    with progress(total, f"preparing {path.name}", "rows", show=show_progress) as bar:

        def missing() -> Iterator[ChunkJob]:
            for number, chunk in enumerate(read_table(path)):
                file = stage_folder / f"{number:08d}.npz"
                staged.append(file)
                if file.exists():
                    bar.advance(len(chunk))
                else:
                    yield ChunkJob(
                        chunk, file, smiles, config.split_column, tuple(labels), config.label_options, config.standardise,
                        config.encodings,
                    )  # fmt: skip

        jobs = missing()
        first = list(itertools.islice(jobs, 3))
        if len(first) < 3:
            workers = 0  # not worth the start of processes
        for rows in ordered_map(stage, itertools.chain(first, jobs), workers=workers):
            bar.advance(rows)
    return staged


def _join(
    staged: Sequence[Path],
    folder: Path,
    config: IngestConfig,
    labels: Sequence[Label],
    metadata: Mapping[str, Any],
    ignored: Mapping[str, str],
) -> None:
    chunks = [staged_chunk(file) for file in staged]
    source_rows = np.concatenate([chunk.source_row for chunk in chunks])
    refused = sorted(
        (entry for chunk in chunks for entry in chunk.refused),
        key=lambda entry: (entry["row"], entry["what"] == "label"),
    )
    _write_rejected(folder / REJECTED, refused)
    rejected = sum(entry["what"] == "row" for entry in refused)
    if not len(source_rows):
        raise DataError(
            f"{metadata['source']}: none of its {rejected:,} rows holds a molecule, see {folder / REJECTED}. "
            f"Row {refused[0]['row']}: {refused[0]['reason']}"
        )
    merged = merge_duplicates(
        np.concatenate([chunk.keys for chunk in chunks]),
        source_rows,
        lambda: map(staged_labels, staged),
        labels,
        config.duplicates,
    )
    split_conflicts = _write_duplicates(folder / DUPLICATES, merged, source_rows, chunks)
    writer = MoleculeStoreWriter(folder, labels, config.encodings, codec=config.codec)
    kept = unlabelled = 0
    for block in _kept_blocks(staged, merged):
        writer.append(block)
        kept += len(block.arrays)
        unlabelled += int((np.diff(block.graph_labels.offsets) == 0).sum())
    report = IngestReport(
        sum(chunk.rows for chunk in chunks), kept, rejected, int((~merged.keep).sum()), merged.conflicts, len(refused) - rejected,
        unlabelled, dict(ignored), split_conflicts, {name: asdict(repeats) for name, repeats in merged.repeats.items()},
    )  # fmt: skip
    if report.rows_read != report.rows_kept + report.rows_rejected + report.duplicates_merged:
        raise DataError(f"rows are missing, which is a mistake in Hooke, please report it: {report.summary()}")
    writer.add_file(REJECTED)
    writer.add_file(DUPLICATES)
    rules = {"duplicates": config.duplicates, "standardise": asdict(config.standardise)}
    writer.close({**metadata, **rules, "ingest": report.to_json()})


def _kept_blocks(staged: Sequence[Path], merged: Merged) -> Iterator[MoleculeBlock]:
    """The molecules that stay, with merged labels."""
    start = 0
    for file in staged:
        block = staged_block(file)
        stop = start + len(block.arrays)
        first, last = np.searchsorted(merged.rows, [start, stop])
        if last > first:
            others = merged.labels.rows(np.arange(first, last))
            labels = block.graph_labels.replaced(merged.rows[first:last] - start, others)
            block = MoleculeBlock(block.arrays, block.smiles, labels, block.source_row, block.split)
        yield take(block, np.flatnonzero(merged.keep[start:stop]))
        start = stop


def _write_rejected(path: Path, refused: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    numbers = [(name, pa.int64()) for name in ("row", "line")]
    texts = [(name, pa.string()) for name in ("what", "column", "value", "reason")]
    pq.write_table(pa.Table.from_pylist(refused, schema=pa.schema([*numbers, *texts])), path)


def _write_duplicates(path: Path, merged: Merged, source_rows: np.ndarray, chunks: Sequence[StagedChunk]) -> int:
    """List the merged rows; returns how many of them their table puts into another part than the row that stays."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    gone = np.flatnonzero(~merged.keep)
    columns = {"row": source_rows[gone], "merged_into": source_rows[merged.kept_row[gone]]}
    pq.write_table(pa.table({name: pa.array(values, pa.int64()) for name, values in columns.items()}), path)
    split = np.concatenate([chunk.split for chunk in chunks])
    return int((split[gone] != split[merged.kept_row[gone]]).sum())
