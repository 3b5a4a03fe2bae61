"""Published mixtures: several tables of molecules with labels at graph and node level, as one multi-task store.

Rows of different tables stay different rows, even of equal molecules, because each table has its own published split.
Labels are called `<table>/<column>`. Labels of all rows are read by columns, never cell by cell, so that thousands of
columns are as cheap as one. Killed, the same command starts the store anew: nothing half made is ever taken for
whole.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.files import exclusive
from hooke.core.hashing import file_sha256
from hooke.core.how import How
from hooke.core.label import Label
from hooke.core.options import later, plain
from hooke.core.parallel import ordered_map
from hooke.core.progress import progress
from hooke.core.pt_files import read_integer_lists
from hooke.molecules.blocks import NO_SPLIT, SPLIT_CODES, GraphLabels, MoleculeBlock, ends
from hooke.molecules.descriptors import QUICK_DESCRIPTORS, quick_descriptors
from hooke.molecules.encodings.config import EncodingConfig, add_encodings
from hooke.molecules.featurise import featurise
from hooke.molecules.held_out import first_block
from hooke.molecules.parse import KEEP_ALL, ParseError, StandardiseConfig, canonical_smiles, parse, silence_rdkit
from hooke.molecules.store import MoleculeStore, MoleculeStoreWriter
from hooke.molecules.tables.ingest import REJECTED, IngestReport
from hooke.molecules.tables.label_columns import dense_labels, list_labels, read_batches, table_columns
from hooke.molecules.tables.numbered_atoms import unnumbered
from hooke.molecules.tables.prepared import store_folder

COMPUTED = "descriptors"
HELD_OUT = "tested on in an evaluation suite"


@dataclass(frozen=True)
class MixtureTable:
    """One table of a mixture.

    Attributes:
        name: Prefix of its labels.
        paths: CSV(.gz) or Parquet files with equal columns; their rows are counted through.
        smiles: Its SMILES column.
        columns: Patterns of label columns ("geneID-*" or a whole name), each with the label that they are; the name
            of that label is ignored.
        split: A `.pt` file of row numbers by part ("train", "val", "test", ...), or None.
        test: The part of `split` that is used for testing.
        share: Of its rows, evenly spread, that is taken; not of tables with a split.
    """

    name: str
    paths: tuple[Path, ...]
    smiles: str
    columns: tuple[tuple[str, Label], ...]
    split: Path | None = None
    test: str = "test"
    share: float = later(1.0)


def prepare_mixture(
    tables: Sequence[MixtureTable],
    root: Path,
    name: str,
    how: How = How(),
    *,
    excluded: frozenset[str] = frozenset(),
    descriptors: bool = False,
) -> MoleculeStore:
    """Make the store of a mixture below `root`, or open the one that was made of the same bytes and options.

    Args:
        tables: What is mixed.
        root: Folder of stores.
        name: Of the mixture.
        how: Its sections are "encodings" and "standardise", which is not possible for tables with labels of atoms.
        excluded: First blocks of the InChIKeys of molecules that are left out, because they are tested on elsewhere.
        descriptors: Whether every molecule also carries the computed labels of `quick_descriptors`, after those of the tables.

    Raises:
        DataError: A file is missing, damaged or not what the table says; a split does not fit its table.
        UsageError: Molecules whose atoms carry labels would be changed.
    """
    encodings: EncodingConfig = how.sections.get("encodings", EncodingConfig())
    standardise: StandardiseConfig = how.sections.get("standardise", KEEP_ALL)
    content = [
        {**plain(replace(table, paths=(), split=None)), "files": [file_sha256(path) for path in _files(table)]}
        for table in tables
    ]
    computed = descriptor_labels() if descriptors else []
    identity = [
        content,
        encodings,
        standardise,
        *([sorted(excluded)] if excluded else []),
        *([computed] if computed else []),
    ]
    folder = store_folder(root, name, identity)
    root.mkdir(parents=True, exist_ok=True)
    with exclusive(root / f"{folder.name}.lock", f"is preparing {folder}"):
        if not any(folder.glob("manifest-*.json")):
            _prepare(tables, folder, excluded, computed, encodings, standardise, how)
    return MoleculeStore.open(folder)


def descriptor_labels() -> list[Label]:
    """The computed labels of whole molecules."""
    return [Label(f"{COMPUTED}/{name}", source=COMPUTED) for name in QUICK_DESCRIPTORS]


def _files(table: MixtureTable) -> list[Path]:
    paths = [*table.paths, *([table.split] if table.split else [])]
    for path in paths:
        if not path.is_file():
            raise DataError(f"there is no file {path}")
    return paths


@dataclass(frozen=True)
class _Resolved:
    """A table with its columns found: label columns by level, in the order of the file."""

    table: MixtureTable
    labels: dict[str, dict[str, Label]]  # level -> column -> label


def _resolve(table: MixtureTable) -> _Resolved:
    first = table.paths[0]
    names = table_columns(first)
    if table.smiles not in names:
        raise UnknownNameError(f"SMILES column of {first.name}", table.smiles, names)
    labels: dict[str, dict[str, Label]] = {"graph": {}, "node": {}}
    for pattern, label in table.columns:
        found = fnmatch.filter(names, pattern)
        if not found:
            raise UnknownNameError(f"label column of {first.name}", pattern, names)
        for column in found:
            labels[label.level][column] = replace(label, name=f"{table.name}/{column}", source=table.name)
    return _Resolved(table, labels)


@dataclass(frozen=True)
class _Job:
    """Some rows: their SMILES, sparse graph labels, and node labels as one list a row (None = not measured)."""

    table: str
    rows: np.ndarray
    smiles: list[str]
    graph: GraphLabels
    node: list[list[np.ndarray | None]]  # column -> row -> values
    node_columns: tuple[str, ...]
    split: np.ndarray
    excluded: frozenset[str]
    descriptors: bool
    encodings: EncodingConfig
    standardise: StandardiseConfig


def _prepare(
    tables: Sequence[MixtureTable],
    folder: Path,
    excluded: frozenset[str],
    computed: list[Label],
    encodings: EncodingConfig,
    standardise: StandardiseConfig,
    how: How,
) -> None:
    resolved = [_resolve(table) for table in tables]
    graph = [*(label for item in resolved for label in item.labels["graph"].values()), *computed]
    node = [label for item in resolved for label in item.labels["node"].values()]
    if node and standardise != KEEP_ALL:
        raise UsageError("molecules whose atoms carry labels are kept as they are: leave standardise at its defaults")
    writer = MoleculeStoreWriter(folder, [*graph, *node], encodings)
    rejected: list[dict[str, Any]] = []
    counts = {table.name: [0, 0, 0] for table in tables}  # rows read, kept, without any label
    graph_start = node_start = 0
    for item in resolved:
        with progress(None, f"preparing {item.table.name}", "rows", show=how.show_progress) as bar:
            for part in ordered_map(
                _featurise, _jobs(item, excluded, bool(computed), encodings, standardise), workers=how.workers
            ):
                block = _placed(part, graph_start, len(graph) - len(computed), node_start, len(node))
                writer.append(block)
                rejected += part.rejected
                counted = counts[item.table.name]
                counted[0] += part.rows
                counted[1] += len(block.arrays)
                counted[2] += int(((np.diff(block.graph_labels.offsets) == 0) & _without(part)).sum())
                bar.advance(part.rows)
        graph_start += len(item.labels["graph"])
        node_start += len(item.labels["node"])
    _write_rejected(folder / REJECTED, rejected)
    writer.add_file(REJECTED)
    read, kept, unlabelled = (sum(count[place] for count in counts.values()) for place in range(3))
    problems = sum(entry["what"] == "label" for entry in rejected)
    report = IngestReport(read, kept, read - kept, 0, 0, problems, unlabelled, {})
    by_table = {name: {"rows_read": count[0], "rows_kept": count[1]} for name, count in counts.items()}
    files = {table.name: [path.name for path in _files(table)] for table in tables}
    held_out = {"held_out": sum(entry["reason"] == HELD_OUT for entry in rejected)} if excluded else {}
    stated = {"source": files, "ingest": report.to_json(), "tables": by_table, "duplicates": "keep_all"}
    writer.close({**stated, **held_out})


@dataclass(frozen=True)
class _Part:
    """Some rows of a table: molecules with sparse labels counted from 0, (atoms, node labels of the table), computed labels."""

    block: MoleculeBlock
    node_labels: np.ndarray
    computed: GraphLabels | None
    rejected: list[dict[str, Any]]
    rows: int


def _without(part: _Part) -> np.ndarray:
    """(N,) bool: molecules without any label of an atom."""
    measured = ends((~np.isnan(part.node_labels)).any(axis=1))
    offsets = part.block.arrays.atom_offsets
    return measured[offsets[1:]] == measured[offsets[:-1]]


def _placed(part: _Part, graph_start: int, computed_start: int, node_start: int, node_count: int) -> MoleculeBlock:
    """The block with its labels at their place among those of the mixture."""
    dense = None
    if node_count:
        dense = np.full((len(part.node_labels), node_count), np.nan, np.float32)
        dense[:, node_start : node_start + part.node_labels.shape[1]] = part.node_labels
    labels = _shifted(part.block.graph_labels, graph_start)
    if part.computed is not None:
        labels = labels.beside(_shifted(part.computed, computed_start))
    return replace(part.block, graph_labels=labels, node_labels=dense)


def _shifted(labels: GraphLabels, start: int) -> GraphLabels:
    return replace(labels, index=labels.index + np.uint32(start))


def _write_rejected(path: Path, rejected: list[dict[str, Any]]) -> None:
    schema = {"table": pl.String, "row": pl.Int64, **dict.fromkeys(("what", "column", "value", "reason"), pl.String)}
    pl.DataFrame(rejected, schema=schema).write_parquet(path)


def _jobs(
    item: _Resolved,
    excluded: frozenset[str],
    descriptors: bool,
    encodings: EncodingConfig,
    standardise: StandardiseConfig,
) -> Iterator[_Job]:
    table = item.table
    part_of = _split_codes(table)
    columns = [table.smiles, *item.labels["graph"], *item.labels["node"]]
    first = 1
    for path, batch in (
        (file, batch)
        for file in table.paths
        for batch in read_batches(file, columns, {item.table.smiles, *item.labels["node"]})
    ):
        split = np.full(batch.num_rows, NO_SPLIT, np.uint8)
        if part_of is not None:
            here = part_of[first - 1 : first - 1 + batch.num_rows]
            split[: len(here)] = here
        rows = first + np.arange(batch.num_rows)
        taken = np.flatnonzero(np.floor(rows * table.share) > np.floor((rows - 1) * table.share))
        graph = GraphLabels.from_dense(dense_labels(batch, item.labels["graph"], path.name, first))
        chosen = batch if len(taken) == batch.num_rows else batch.take(pa.array(taken))
        yield _Job(
            table.name,
            rows[taken],
            ["" if text is None else text for text in chosen.column(table.smiles).to_pylist()],
            graph.rows(taken),
            [list_labels(chosen.column(column), f"{path.name}, {column!r}") for column in item.labels["node"]],
            tuple(item.labels["node"]),
            split[taken],
            excluded,
            descriptors,
            encodings,
            standardise,
        )
        first += batch.num_rows
    if part_of is not None and len(part_of) > first - 1:
        raise DataError(f"{table.split} names row {len(part_of):,}, but {table.name} has {first - 1:,} rows")


def _split_codes(table: MixtureTable) -> np.ndarray | None:
    """(rows named,) uint8 split code of every row, from a file that counts rows from 0."""
    if table.split is None:
        return None
    parts = read_integer_lists(table.split)
    wanted = {"train": "train", "val" if "val" in parts else "valid": "valid", table.test: "test"}
    for name in wanted:
        if name not in parts:
            raise UnknownNameError(f"part of {table.split.name}", name, parts)
    named = np.concatenate(list(parts.values()))
    if len(np.unique(named)) != len(named) or (len(named) and named.min() < 0):
        raise DataError(f"{table.split} names rows twice, or negative ones")
    codes = np.full(int(named.max(initial=-1)) + 1, NO_SPLIT, np.uint8)
    for name, part in wanted.items():
        codes[parts[name]] = SPLIT_CODES[part]
    return codes


def _featurise(job: _Job) -> _Part:
    """Parse and featurise some rows."""
    silence_rdkit()
    molecules, atoms_of, kept = [], [], []
    rejected: list[dict[str, Any]] = []

    def refuse(row: int, what: str, column: str, value: str, reason: str) -> None:
        place = {"table": job.table, "row": int(job.rows[row])}
        rejected.append({**place, "what": what, "column": column, "value": value[:200], "reason": reason})

    for row, smiles in enumerate(job.smiles):
        try:
            molecule = parse(smiles, job.standardise)
        except ParseError as error:
            refuse(row, "row", "smiles", smiles, str(error))
            continue
        if job.excluded and first_block(molecule) in job.excluded:
            refuse(row, "row", "smiles", smiles, HELD_OUT)
            continue
        if job.node or ":" in smiles:
            molecule, atoms = unnumbered(molecule, smiles)
            atoms_of.append(atoms)
        molecules.append(molecule)
        kept.append(row)
    arrays = add_encodings(featurise(molecules), job.encodings)
    node_labels = np.full((len(arrays.atom_codes), len(job.node)), np.nan, np.float32)
    for place, (column, values_of) in enumerate(zip(job.node_columns, job.node, strict=True)):
        for number, row in enumerate(kept):
            values = values_of[row]
            if values is None:
                continue
            chosen = atoms_of[number].choose(values)
            if chosen is None:
                refuse(row, "label", column, "", f"{len(values)} values do not fit the atoms of {job.smiles[row][:80]}")
            else:
                start = arrays.atom_offsets[number]
                node_labels[start : start + len(chosen), place] = chosen
    rows = np.array(kept, dtype=np.int64)
    block = MoleculeBlock(
        arrays,
        [canonical_smiles(molecule) for molecule in molecules],
        job.graph.rows(rows),
        job.rows[rows],
        job.split[rows],
    )
    computed = GraphLabels.from_dense(quick_descriptors(molecules)) if job.descriptors else None
    return _Part(block, node_labels, computed, rejected, len(job.smiles))
