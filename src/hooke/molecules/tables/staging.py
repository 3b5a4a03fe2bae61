"""Staged files: one prepared chunk of a table each, renamed into place when whole, so that a killed ingest can go on."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.files import disk_full_explained, put_in_place
from hooke.core.label import Label
from hooke.molecules.arrays import MoleculeArrays
from hooke.molecules.blocks import NO_SPLIT, SPLIT_CODES, GraphLabels, MoleculeBlock
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.parse import StandardiseConfig
from hooke.molecules.prepare import prepare
from hooke.molecules.tables.reading import RowChunk
from hooke.molecules.tables.values import LabelOptions

_SPLIT_WORDS = {**SPLIT_CODES, "val": 1, "validation": 1, "training": 0, "": NO_SPLIT}
_SHOWN = 200  # characters of a refused value that are kept


@dataclass(frozen=True)
class ChunkJob:
    """A chunk of rows and all that is needed to prepare it."""

    chunk: RowChunk
    file: Path
    smiles: str
    split: str | None
    labels: tuple[Label, ...]
    options: LabelOptions
    standardise: StandardiseConfig
    encodings: EncodingConfig


@dataclass(frozen=True)
class StagedChunk:
    """What became of a chunk.

    Attributes:
        rows: Rows read.
        keys: (K, 2) uint64, see `canonical_keys`.
        source_row, split: (K,) of the molecules.
        refused: Rows, and label cells, that could not be used; as in `rejected.parquet`.
    """

    rows: int
    keys: np.ndarray
    source_row: np.ndarray
    split: np.ndarray
    refused: list[dict[str, Any]]


def stage(job: ChunkJob) -> int:
    """In a worker: prepare a chunk and write its staged file. Returns its number of rows."""
    block, refused = prepare_chunk(job)
    temporary = job.file.with_suffix(f".{socket.gethostname()}.{os.getpid()}.tmp")
    with disk_full_explained(job.file.parent, "finished chunks are kept"):
        with open(temporary, "wb") as file:
            np.savez(file, **_pack(block), refused=_as_bytes(refused), rows=np.array(len(job.chunk)))  # type: ignore[arg-type]
        put_in_place(temporary, job.file)
    return len(job.chunk)


def staged_chunk(file: Path) -> StagedChunk:
    """What became of a staged chunk, without its molecules."""
    with np.load(file) as data:
        refused = json.loads(data["refused"].tobytes())
        return StagedChunk(int(data["rows"]), data["keys"], data["source_row"], data["split"], refused)


def staged_labels(file: Path) -> GraphLabels:
    """The labels of a staged chunk."""
    with np.load(file) as data:
        return GraphLabels(data["label_offsets"], data["label_index"], data["label_value"], data["label_bound"])


def staged_block(file: Path) -> MoleculeBlock:
    """The molecules of a staged chunk."""
    with np.load(file) as data:
        named = {name: data[name] for name in data.files}
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
    return MoleculeBlock(arrays, smiles, labels, named["source_row"], named["split"])


def canonical_keys(smiles: Sequence[str]) -> np.ndarray:
    """(N, 2) uint64: 128-bit hashes of canonical SMILES, by which duplicates are found."""
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=16).digest() for text in smiles)
    return np.frombuffer(digests, np.uint64).reshape(-1, 2)


def prepare_chunk(job: ChunkJob) -> tuple[MoleculeBlock, list[dict[str, Any]]]:
    """The molecules of a chunk, and what had to be refused: a row once, with its first reason, or cells of a kept row."""
    chunk, cells = job.chunk, job.chunk.columns[job.smiles]
    first = chunk.first_row
    refused: dict[int, tuple[str, str, str]] = {  # position -> column, value, reason
        row - first: ("", cells[row - first], reason) for row, reason in chunk.broken.items()
    }
    split = np.full(len(chunk), NO_SPLIT, np.uint8)
    for position, text in enumerate(chunk.columns[job.split] if job.split else ()):
        code = _SPLIT_WORDS.get(text.lower())
        if code is None:
            refused.setdefault(position, (job.split or "", text, "not train, valid or test"))
        else:
            split[position] = code
    tried = np.array([position for position in range(len(chunk)) if position not in refused], dtype=np.int64)
    prepared = prepare([cells[position] for position in tried], job.standardise, job.encodings)
    for place, reason in prepared.reasons.items():
        refused[int(tried[place])] = (job.smiles, cells[tried[place]], reason)
    kept = tried[prepared.kept]
    found = [_entry(chunk, position, "row", *what) for position, what in refused.items()]
    labels = _chunk_labels(job, kept, found)
    return MoleculeBlock(prepared.arrays, prepared.canonical, labels, first + kept, split[kept]), found


def _chunk_labels(job: ChunkJob, kept: np.ndarray, found: list[dict[str, Any]]) -> GraphLabels:
    """The labels of the kept rows; cells that cannot be read are added to `found`."""
    values = np.full((len(kept), len(job.labels)), np.nan, np.float32)
    bounds = np.zeros((len(kept), len(job.labels)), np.int8)
    for number, label in enumerate(job.labels):
        column = job.chunk.columns[label.name]
        for place, position in enumerate(kept):
            text = column[position]
            if not text:
                continue
            cell = job.options.stored_cell(text, label)
            values[place, number], bounds[place, number] = cell.value, cell.bound
            if cell.problem:
                found.append(_entry(job.chunk, int(position), "label", label.name, text, cell.problem))
    return GraphLabels.from_dense(values, bounds)


def _entry(chunk: RowChunk, position: int, what: str, column: str, value: str, reason: str) -> dict[str, Any]:
    line = chunk.lines[position] if chunk.lines else None
    shown = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}... ({len(value):,} characters)"
    row = chunk.first_row + position
    return {"row": row, "line": line, "what": what, "column": column, "value": shown, "reason": reason}


def _as_bytes(value: object) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


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
    }
