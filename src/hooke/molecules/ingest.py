"""A table of molecules into a store: parallel, resumable, every row accounted for.

Two phases. First, worker processes turn chunks of rows into staged files, each renamed into place when whole; a killed
ingest finds them again and does only the rest. Then the staged files are joined: duplicates (equal canonical SMILES
after standardisation) are merged by the stated rule and the store is written, its manifest last.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.labels import Label, Transform
from hooke.core.parallel import ordered_map
from hooke.core.progress import progress
from hooke.core.units import convert_cell
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.duplicates import Rule, merge_duplicates
from hooke.molecules.encodings import EncodingConfig
from hooke.molecules.labels import infer_labels, named_labels, parse_cell, transform
from hooke.molecules.parse import KEEP_ALL, StandardiseConfig
from hooke.molecules.prepare import prepare
from hooke.molecules.store import NO_SPLIT, SPLIT_CODES, GraphLabels, MoleculeBlock, MoleculeStore, MoleculeStoreWriter, take
from hooke.molecules.tables import RowChunk, read_table, smiles_column

INFERENCE_ROWS = 10_000  # rows seen to decide what "auto" targets are
_SPLIT_WORDS = {**SPLIT_CODES, "val": 1, "validation": 1, "training": 0, "": NO_SPLIT}


@dataclass(frozen=True)
class IngestConfig:
    """How a table becomes a store.

    Attributes:
        smiles: SMILES column; None recognises the usual names.
        targets: Label columns, or "auto": every column that is mostly numbers and no identifier.
        split_column: Column of train/valid/test, or None.
        transforms: Label -> "log10", "log1p" or "minus_log10", applied to the raw value.
        units: Label -> unit of the raw value; kept in the label.
        convert_to: Label -> unit to convert to (before the transform).
        standardise: What is done to each molecule.
        encodings: Which encodings are stored.
        duplicates: What becomes of rows with equal canonical SMILES: "mean", "median" or "first" of their measurements
            (classes: majority, a tie is missing), "error", or "keep_all".
        codec: "plain" or "chunked".
    """

    smiles: str | None = None
    targets: Literal["auto"] | tuple[str, ...] = "auto"
    split_column: str | None = None
    transforms: Mapping[str, Transform] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    convert_to: Mapping[str, str] = field(default_factory=dict)
    standardise: StandardiseConfig = KEEP_ALL
    encodings: EncodingConfig = EncodingConfig()
    duplicates: Rule = "mean"
    codec: Literal["plain", "chunked"] = "plain"


@dataclass(frozen=True)
class IngestReport:
    """Where every row went: rows_read = rows_kept + rows_rejected + duplicates_merged."""

    rows_read: int
    rows_kept: int
    rows_rejected: int
    duplicates_merged: int
    conflicts: int  # merged measurements that disagreed
    label_problems: int  # cells that are no number; their rows are kept without that label
    unlabelled: int  # kept molecules without any measured label
    ignored_columns: dict[str, str]

    def to_json(self) -> dict[str, object]:
        """A plain dictionary."""
        return asdict(self)

    def summary(self) -> str:
        """One line for people."""
        return (
            f"{self.rows_read:,} rows: {self.rows_kept:,} molecules kept, {self.rows_rejected:,} rejected, "
            f"{self.duplicates_merged:,} duplicates merged ({self.conflicts:,} conflicting measurements), "
            f"{self.label_problems:,} unreadable label cells"
        )


def ingest(
    path: Path,
    folder: Path,
    config: IngestConfig = IngestConfig(),  # noqa: B008 (frozen)
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
        labels: What the label columns are, when a data set states it; else decided from `config.targets`.
        workers: Processes; None takes all cores.
        show_progress: Show a progress bar.

    Raises:
        DataError: The table cannot be read, or `duplicates="error"` and there are conflicting duplicates.
    """
    folder = Path(folder)
    if not any(folder.glob("manifest-*.json")):
        _ingest(Path(path), folder, config, labels, workers, show_progress)
    store = MoleculeStore.open(folder)
    return store, IngestReport(**store.metadata["ingest"])


def _ingest(
    path: Path,
    folder: Path,
    config: IngestConfig,
    labels: Sequence[Label] | None,
    workers: int | None,
    show_progress: bool,
) -> None:
    smiles, found, ignored = _decide_columns(path, config, labels)
    stage = folder / "stage"
    stage.mkdir(parents=True, exist_ok=True)
    jobs = (
        _Job(chunk, stage / f"{number:08d}.npz", smiles, tuple(found), config)
        for number, chunk in enumerate(read_table(path))
    )
    staged = []
    with progress(None, f"preparing {path.name}", "rows", show=show_progress) as bar:
        for file, rows in ordered_map(_stage, jobs, workers=workers):
            staged.append(file)
            bar.advance(rows)
    _join(staged, folder, config, found, path, ignored)
    shutil.rmtree(stage)


def _decide_columns(
    path: Path, config: IngestConfig, labels: Sequence[Label] | None
) -> tuple[str, list[Label], dict[str, str]]:
    head: dict[str, list[str]] = {}
    for chunk in read_table(path):
        for name, cells in chunk.columns.items():
            head.setdefault(name, []).extend(cells)
        if len(next(iter(head.values()))) >= INFERENCE_ROWS:
            break
    if not head:
        raise DataError(f"{path} holds no rows")
    smiles = smiles_column(list(head), config.smiles)
    if config.split_column is not None and config.split_column not in head:
        raise UnknownNameError("split column", config.split_column, head)
    if labels is not None:
        for label in labels:
            if label.name not in head:
                raise UnknownNameError("label column", label.name, head)
        return smiles, list(labels), {}
    units = {**config.units, **config.convert_to}
    if config.targets != "auto":
        return smiles, named_labels(config.targets, head, units, config.transforms), {}
    exclude = [smiles, *([config.split_column] if config.split_column else [])]
    found, ignored = infer_labels(head, exclude, units)
    if config.transforms:
        found = named_labels([label.name for label in found], head, units, config.transforms)
    return smiles, found, ignored


@dataclass(frozen=True)
class _Job:
    chunk: RowChunk
    file: Path
    smiles: str
    labels: tuple[Label, ...]
    config: IngestConfig


def _stage(job: _Job) -> tuple[Path, int]:
    """Prepare one chunk of rows and write it to its staged file, unless an earlier run did."""
    if not job.file.exists():
        arrays = _staged_arrays(job)
        temporary = job.file.with_suffix(f".{os.getpid()}.tmp")
        with open(temporary, "wb") as file:
            np.savez(file, **arrays)
        os.replace(temporary, job.file)
    return job.file, len(job.chunk)


def _staged_arrays(job: _Job) -> dict[str, np.ndarray]:
    chunk, config = job.chunk, job.config
    prepared = prepare(chunk.columns[job.smiles], config.standardise, config.encodings)
    rejected = [
        _rejection(chunk.first_row + position, "row", job.smiles, chunk.columns[job.smiles][position], reason)
        for position, reason in prepared.reasons.items()
    ]
    values = np.full((len(chunk), len(job.labels)), np.nan, np.float32)
    bounds = np.zeros((len(chunk), len(job.labels)), np.int8)
    for number, label in enumerate(job.labels):
        for position, text in enumerate(chunk.columns[label.name]):
            cell = parse_cell(text)
            if label.name in config.convert_to:
                cell = convert_cell(cell, config.units.get(label.name, ""), config.convert_to[label.name])
            cell = transform(cell, label.transform)
            if label.kind == "binary" and cell.value not in (0.0, 1.0) and not np.isnan(cell.value):
                cell = type(cell)(np.nan, problem=f"{text[:40]!r} is neither 0 nor 1")
            values[position, number], bounds[position, number] = cell.value, cell.bound
            if cell.problem:
                rejected.append(_rejection(chunk.first_row + position, "label", label.name, text, cell.problem))
    split = np.full(len(chunk), NO_SPLIT, np.uint8)
    drop = dict.fromkeys(chunk.broken)
    for number, reason in chunk.broken.items():
        rejected.append(_rejection(number, "row", "", "", reason))
    if config.split_column:
        for position, text in enumerate(chunk.columns[config.split_column]):
            code = _SPLIT_WORDS.get(text.lower())
            if code is None:
                rejected.append(
                    _rejection(chunk.first_row + position, "row", config.split_column, text, "not train, valid or test")
                )
                drop[chunk.first_row + position] = None
            else:
                split[position] = code
    keep = np.array([chunk.first_row + position not in drop for position in prepared.kept], dtype=bool)
    refused_twice = {chunk.first_row + position for position in prepared.reasons} & set(drop)
    rejected = [entry for entry in rejected if not (entry["row"] in refused_twice and entry["column"] == job.smiles)]
    block = MoleculeBlock(
        prepared.arrays,
        prepared.canonical,
        GraphLabels.from_dense(values[prepared.kept], bounds[prepared.kept]),
        chunk.first_row + prepared.kept,
        split[prepared.kept],
    )
    return {**_pack(take(block, np.flatnonzero(keep))), "rejected": _as_bytes(rejected), "rows": np.array(len(chunk))}


def _rejection(row: int, what: str, column: str, value: str, reason: str) -> dict[str, object]:
    return {"row": row, "what": what, "column": column, "value": value[:200], "reason": reason}


def _as_bytes(value: object) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


def _pack(block: MoleculeBlock) -> dict[str, np.ndarray]:
    arrays, labels = block.arrays, block.graph_labels
    return {
        "atom_offsets": arrays.atom_offsets, "bond_offsets": arrays.bond_offsets, "atom_codes": arrays.atom_codes,
        "bond_atoms": arrays.bond_atoms, "bond_codes": arrays.bond_codes,
        **{f"atom:{name}": values for name, values in arrays.atom_encodings.items()},
        **{f"graph:{name}": values for name, values in arrays.graph_encodings.items()},
        "smiles": _as_bytes(list(block.smiles)), "keys": canonical_keys(block.smiles),
        "label_offsets": labels.offsets, "label_index": labels.index, "label_value": labels.value, "label_bound": labels.bound,
        "source_row": block.source_row, "split": block.split,
    }  # fmt: skip


def _unpack(file: Path) -> tuple[MoleculeBlock, np.ndarray]:
    with np.load(file) as data:
        named = {name: data[name] for name in data.files}
    arrays = MoleculeArrays(
        named["atom_offsets"], named["bond_offsets"], named["atom_codes"], named["bond_atoms"], named["bond_codes"],
        {name[5:]: values for name, values in named.items() if name.startswith("atom:")},
        {name[6:]: values for name, values in named.items() if name.startswith("graph:")},
    )  # fmt: skip
    labels = GraphLabels(named["label_offsets"], named["label_index"], named["label_value"], named["label_bound"])
    smiles = json.loads(named["smiles"].tobytes())
    return MoleculeBlock(arrays, smiles, labels, named["source_row"], named["split"]), named["keys"]


def canonical_keys(smiles: Sequence[str]) -> np.ndarray:
    """(N, 2) uint64: 128-bit hashes of canonical SMILES, by which duplicates are found."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=16).digest() for text in smiles)
    return np.frombuffer(digests, np.uint64).reshape(-1, 2)


def _join(
    staged: Sequence[Path], folder: Path, config: IngestConfig, labels: list[Label], path: Path, ignored: dict[str, str]
) -> None:
    keys, rows_read, rejected = [], 0, []
    for file in staged:
        with np.load(file) as data:
            keys.append(data["keys"])
            rows_read += int(data["rows"])
            rejected += json.loads(data["rejected"].tobytes())
    merged = merge_duplicates(
        np.concatenate(keys), lambda: (_unpack(file)[0] for file in staged), labels, config.duplicates
    )
    writer = MoleculeStoreWriter(folder, labels, config.encodings, codec=config.codec)
    kept = unlabelled = 0
    censored = False
    for block in _kept_blocks(staged, merged.keep, merged.labels, len(labels)):
        writer.append(block)
        kept += len(block.arrays)
        unlabelled += int((np.diff(block.graph_labels.offsets) == 0).sum())
        censored |= bool(block.graph_labels.bound.any())
    _write_rejected(folder / "rejected.parquet", rejected)
    refused = sum(entry["what"] == "row" for entry in rejected)
    report = IngestReport(
        rows_read, kept, refused, rows_read - refused - kept, merged.conflicts, len(rejected) - refused, unlabelled, ignored
    )
    writer.close(
        {
            "source": path.name, "ingest": report.to_json(), "censored": censored, "duplicates": config.duplicates,
            "standardise": asdict(config.standardise),
        }
    )  # fmt: skip


def _kept_blocks(
    staged: Sequence[Path], keep: np.ndarray, labels: Mapping[int, tuple[np.ndarray, np.ndarray]], label_count: int
) -> Iterator[MoleculeBlock]:
    start = 0
    for file in staged:
        block, _ = _unpack(file)
        here = np.flatnonzero(keep[start : start + len(block.arrays)])
        changed = {place: labels[start + row] for place, row in enumerate(here) if start + row in labels}
        block_kept = take(block, here)
        if changed:
            values, bounds = block_kept.graph_labels.dense(label_count)
            for place, (value, bound) in changed.items():
                values[place], bounds[place] = value, bound
            block_kept = MoleculeBlock(
                block_kept.arrays, block_kept.smiles, GraphLabels.from_dense(values, bounds), block_kept.source_row,
                block_kept.split,
            )  # fmt: skip
        start += len(block.arrays)
        yield block_kept


def _write_rejected(path: Path, rejected: list[dict[str, object]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("row", pa.int64()), *((name, pa.string()) for name in ("what", "column", "value", "reason"))])
    ordered = sorted(rejected, key=lambda entry: (entry["row"], entry["what"]))  # type: ignore[arg-type, return-value]
    pq.write_table(pa.Table.from_pylist(ordered, schema=schema), path)
