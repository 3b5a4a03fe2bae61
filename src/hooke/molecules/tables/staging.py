"""Staged files: some rows of a table made into molecules, renamed into place when whole, so that a killed ingest can go on."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem

from hooke.core.checked import read_arrays, write_arrays
from hooke.core.files import disk_full_explained
from hooke.core.hashing import mixed
from hooke.core.json_text import json_text
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.blocks import GraphLabels, MoleculeBlock
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.held_out import first_block
from hooke.molecules.parse import KEEP_ALL, ParseError, StandardiseConfig
from hooke.molecules.prepare import prepare
from hooke.molecules.tables.listed import INNER, InnerLabels, Placed, placed
from hooke.molecules.tables.numbered_atoms import AtomNumbers, unnumbered
from hooke.molecules.tables.rows import Columns, Rows
from hooke.molecules.tables.values import parse_cell, stored_cell

HELD_OUT = "tested on in an evaluation suite"
_BELOW = ("node_labels", "edge_labels", "pair_offsets", "pair_atoms", "pair_labels")
_SHOWN = 200  # characters of a refused value that are kept


@dataclass(frozen=True)
class Plan:
    """What is done with all rows of a table.

    Attributes:
        table: Its name in a mixture.
        columns: Its columns.
        convert: Column -> unit of the raw value and unit to convert to.
        graph_start: Number of its first label among those of molecules in the store.
        starts: Level below the molecule -> number of its first label among those of this level in the store.
        counts: Level below the molecule -> labels in the store.
        ordered: Whether atoms are stored in the order of the canonical SMILES, so that equal molecules are equal arrays.
        fractions: Of train, valid and test, where parts are drawn by molecule.
        computed: Number of the first computed descriptor among the labels of molecules; None computes none.
        excluded: First blocks of the InChIKeys of molecules that are left out, because they are tested on elsewhere.
        standardise, encodings: As in a recipe.
    """

    table: str
    columns: Columns
    convert: dict[str, tuple[str, str]] = field(default_factory=dict)
    graph_start: int = 0
    starts: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    ordered: bool = False
    fractions: tuple[float, float, float] | None = None
    computed: int | None = None
    excluded: frozenset[str] = frozenset()
    standardise: StandardiseConfig = KEEP_ALL
    encodings: EncodingConfig = EncodingConfig()


@dataclass(frozen=True)
class ChunkJob:
    """Some rows and the file that they become."""

    rows: Rows
    plan: Plan
    file: Path


@dataclass(frozen=True)
class StagedChunk:
    """What became of some rows.

    Attributes:
        rows: Rows read.
        keys: (K, 2) uint64, see `canonical_keys`.
        source_row, split: (K,) of the molecules.
        refused: Rows, and cells of labels and times, that could not be used; as in `rejected.parquet`.
        time: (K,) float64 of the molecules, NaN where it is not known; None in a table without a time column.
    """

    rows: int
    keys: np.ndarray
    source_row: np.ndarray
    split: np.ndarray
    refused: list[dict[str, Any]]
    time: np.ndarray | None = None


def stage(job: ChunkJob) -> int:
    """In a worker: prepare some rows and write their staged file. Returns their number."""
    block, refused = prepare_chunk(job)
    with disk_full_explained(job.file.parent, "finished chunks are kept"):
        write_arrays(job.file, {**_pack(block), "refused": _as_bytes(refused), "rows": np.array(len(job.rows))})
    return len(job.rows)


def staged_chunk(file: Path) -> StagedChunk:
    """What became of a staged chunk, without its molecules."""
    data = read_arrays(file, "rows", "keys", "source_row", "split", "refused", optional=("time",))
    refused = json.loads(data["refused"].tobytes())
    return StagedChunk(int(data["rows"]), data["keys"], data["source_row"], data["split"], refused, data.get("time"))


def staged_labels(file: Path) -> GraphLabels:
    """The labels of a staged chunk."""
    data = read_arrays(file, "label_offsets", "label_index", "label_value", "label_bound")
    return GraphLabels(data["label_offsets"], data["label_index"], data["label_value"], data["label_bound"])


def staged_block(file: Path) -> MoleculeBlock:
    """The molecules of a staged chunk."""
    named = read_arrays(file)
    arrays = MoleculeArrays(
        named["atom_offsets"],
        named["bond_offsets"],
        named["atom_codes"],
        named["bond_atoms"],
        named["bond_codes"],
        {name[5:]: values for name, values in named.items() if name.startswith("atom:")},
        {name[6:]: values for name, values in named.items() if name.startswith("graph:")},
    )
    labels = GraphLabels(named["label_offsets"], named["label_index"], named["label_value"], named["label_bound"])
    smiles = json.loads(named["smiles"].tobytes())
    below = {name: named.get(name) for name in _BELOW}
    return MoleculeBlock(arrays, smiles, labels, named["source_row"], named["split"], **below, time=named.get("time"))


def canonical_keys(smiles: Sequence[str]) -> np.ndarray:
    """(N, 2) uint64: 128-bit hashes of canonical SMILES, by which duplicates are found."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=16).digest() for text in smiles)
    return np.frombuffer(digests, np.uint64).reshape(-1, 2)


def prepare_chunk(job: ChunkJob) -> tuple[MoleculeBlock, list[dict[str, Any]]]:
    """The molecules of some rows, and what had to be refused: a row once, with its first reason, or cells of a kept row."""
    rows, plan = job.rows, job.plan
    smiles, refused = rows.texts[plan.columns.smiles], dict(rows.refused)
    tried = np.array([position for position in range(len(rows)) if position not in refused], dtype=np.int64)
    lists: list[Placed] = []
    molecules: list[Chem.Mol] = []
    misfits: list[dict[str, Any]] = []
    inner = {level: of_level for level in INNER if (of_level := plan.columns.of(level))}
    columns = [column for of_level in inner.values() for column in of_level]

    def accept(molecule: Chem.Mol, text: str, place: int) -> Chem.Mol:
        if plan.excluded and first_block(molecule) in plan.excluded:
            raise ParseError(HELD_OUT)
        found = Placed()
        if inner or plan.ordered or (rows.graph is not None and ":" in text):
            position = int(tried[place])
            molecule, atoms = unnumbered(molecule, text)
            if rows.graph is None:
                found = placed({column: rows.texts[column][position] for column in columns}, inner, atoms)
            else:
                found = _chosen(job, position, atoms, misfits)
        lists.append(found)
        if plan.computed is not None:
            molecules.append(molecule)
        return molecule

    prepared = prepare([smiles[position] for position in tried], plan.standardise, plan.encodings, accept=accept)
    for place, reason in prepared.reasons.items():
        refused[int(tried[place])] = (plan.columns.smiles, smiles[tried[place]], reason)
    kept = tried[prepared.kept]
    entries = [*misfits, *(_entry(job, position, "row", *what) for position, what in refused.items())]
    labels = _cell_labels(job, kept, entries) if rows.graph is None else rows.graph.rows(kept)
    labels = shifted(labels, plan.graph_start)
    if plan.computed is not None:
        from hooke.molecules.descriptors import quick_descriptors

        labels = labels.beside(shifted(GraphLabels.from_dense(quick_descriptors(molecules)), plan.computed))
    below = InnerLabels.of(lists, prepared.arrays, plan.starts, plan.counts)
    time = _times(job, kept, entries) if plan.columns.time else None
    entries.sort(key=lambda entry: (entry["row"], entry["what"] != "row"))
    split = rows.split[kept] if plan.fractions is None else drawn_parts(prepared.canonical, plan.fractions)
    block = MoleculeBlock(
        prepared.arrays, prepared.canonical, labels, rows.numbers[kept], split, below.node, below.edge, below.pair_offsets,
        below.pair_atoms, below.pair_labels, time,
    )  # fmt: skip
    return block, entries


def drawn_parts(smiles: Sequence[str], fractions: tuple[float, float, float]) -> np.ndarray:
    """(N,) uint8 part of each molecule, by its canonical SMILES alone: in expectation these fractions of train, valid and test."""
    places = (mixed(canonical_keys(smiles)[:, 0]) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.searchsorted(np.cumsum(fractions)[:2], places, side="right").astype(np.uint8)


def _times(job: ChunkJob, kept: np.ndarray, entries: list[dict[str, Any]]) -> np.ndarray:
    """(kept,) float64 when each row was made; cells that say no time are added to `entries`."""
    columns = job.plan.columns
    texts = job.rows.texts[columns.time]
    times = np.array([columns.moments.value(texts[position]) for position in kept], np.float64)
    for place in np.flatnonzero(np.isnan(times)):
        text = texts[kept[place]]
        if not math.isnan(parse_cell(text).value) or parse_cell(text).problem:
            entries.append(_entry(job, int(kept[place]), "time", columns.time, text, "is neither a date nor a number"))
    return times


def shifted(labels: GraphLabels, start: int) -> GraphLabels:
    """The labels, the first of them having this number."""
    return replace(labels, index=labels.index + np.uint32(start))


def _cell_labels(job: ChunkJob, kept: np.ndarray, entries: list[dict[str, Any]]) -> GraphLabels:
    """The labels of the kept rows; cells that cannot be read are added to `entries`."""
    columns = job.plan.columns.graph
    values = np.full((len(kept), len(columns)), np.nan, np.float32)
    bounds = np.zeros((len(kept), len(columns)), np.int8)
    for number, (column, label) in enumerate(columns.items()):
        texts, convert, comma = (
            job.rows.texts[column],
            job.plan.convert.get(column),
            job.plan.columns.commas.get(column),
        )
        for place, position in enumerate(kept):
            text = texts[position]
            if not text:
                continue
            cell = stored_cell(text, label, convert, comma)
            values[place, number], bounds[place, number] = cell.value, cell.bound
            if cell.problem:
                entries.append(_entry(job, int(position), "label", column, text, cell.problem))
    return GraphLabels.from_dense(values, bounds)


def _chosen(job: ChunkJob, position: int, numbers: AtomNumbers, misfits: list[dict[str, Any]]) -> Placed:
    """Values of a published row's atoms in the stored order; lists that do not fit are added to `misfits`, and the row stays."""
    found = Placed()
    for place, (column, values_of) in enumerate(job.rows.node.items()):
        values = values_of[position]
        if values is None:
            continue
        chosen = numbers.choose(values)
        if chosen is None:
            smiles = job.rows.texts[job.plan.columns.smiles][position]
            reason = f"{len(values)} values do not fit the atoms of {smiles[:80]}"
            misfits.append(_entry(job, position, "label", column, "", reason))
        else:
            found.node[place] = chosen
    return found


def _entry(job: ChunkJob, position: int, what: str, column: str, value: str, reason: str) -> dict[str, Any]:
    rows = job.rows
    shown = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}... ({len(value):,} characters)"
    return {
        "table": job.plan.table, "row": int(rows.numbers[position]), "line": rows.lines[position] if rows.lines else None,
        "what": what, "column": column, "value": shown, "reason": reason,
    }  # fmt: skip


def _as_bytes(value: object) -> np.ndarray:
    return np.frombuffer(json_text(value).encode(), np.uint8)


def _pack(block: MoleculeBlock) -> dict[str, np.ndarray]:
    arrays, labels = block.arrays, block.graph_labels
    return {
        "atom_offsets": arrays.atom_offsets,
        "bond_offsets": arrays.bond_offsets,
        "atom_codes": arrays.atom_codes,
        "bond_atoms": arrays.bond_atoms,
        "bond_codes": arrays.bond_codes,
        **{f"atom:{name}": values for name, values in arrays.atom_encodings.items()},
        **{f"graph:{name}": values for name, values in arrays.graph_encodings.items()},
        "smiles": _as_bytes(list(block.smiles)),
        "keys": canonical_keys(block.smiles),
        "label_offsets": labels.offsets,
        "label_index": labels.index,
        "label_value": labels.value,
        "label_bound": labels.bound,
        "source_row": block.source_row,
        "split": block.split,
        **{name: values for name in _BELOW if (values := getattr(block, name)) is not None},
        **({} if block.time is None else {"time": block.time}),
    }
