"""Molecules with labels in a columnar store: the schema, the writer and the reader.

Axes: "atom", "bond", "text" (bytes of the SMILES), "label" (graph labels, kept only where measured), "pair". Labels of nodes and edges
are dense rows beside the codes, NaN where not measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import UnknownNameError
from hooke.core.labels import LEVELS, Label
from hooke.core.store import Column, Schema, Store, StoreWriter
from hooke.core.store.reader import ragged_index
from hooke.core.store.schema import Manifest
from hooke.molecules.arrays import MoleculeArrays, MoleculeSlice
from hooke.molecules.encodings import EncodingConfig
from hooke.molecules.vocabulary import ATOM_COLUMNS, BOND_COLUMNS

NO_SPLIT = 255
SPLIT_CODES = {"train": 0, "valid": 1, "test": 2}


@dataclass(frozen=True)
class GraphLabels:
    """Sparse labels of `N` molecules: molecule i has entries offsets[i]:offsets[i + 1].

    Attributes:
        offsets: (N + 1,) int64.
        index: (K,) uint32, number of the label among the graph-level labels.
        value: (K,) float32.
        bound: (K,) int8: 0 exact, +1 the truth is above, -1 below.
    """

    offsets: np.ndarray
    index: np.ndarray
    value: np.ndarray
    bound: np.ndarray

    @classmethod
    def from_dense(cls, values: np.ndarray, bounds: np.ndarray | None = None) -> GraphLabels:
        """From (N, T) values with NaN where not measured."""
        measured = ~np.isnan(values)
        rows, index = np.nonzero(measured)
        bound = np.zeros(len(rows), np.int8) if bounds is None else bounds[measured].astype(np.int8)
        offsets = np.concatenate([[0], np.cumsum(measured.sum(axis=1))]).astype(np.int64)
        return cls(offsets, index.astype(np.uint32), values[measured].astype(np.float32), bound)

    def dense(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(N, count) float32 values with NaN, and (N, count) int8 bounds."""
        molecules = len(self.offsets) - 1
        values = np.full((molecules, count), np.nan, np.float32)
        bounds = np.zeros((molecules, count), np.int8)
        rows = np.repeat(np.arange(molecules), np.diff(self.offsets))
        values[rows, self.index] = self.value
        bounds[rows, self.index] = self.bound
        return values, bounds


@dataclass(frozen=True)
class MoleculeBlock:
    """Some molecules with everything the store keeps of them.

    Attributes:
        arrays: Codes and encodings.
        smiles: One string a molecule.
        graph_labels: Sparse labels of molecules.
        node_labels: (A, node labels) float32, NaN = not measured.
        edge_labels: (M, edge labels) float32.
        pair_offsets, pair_atoms, pair_labels: (N + 1,) int64, (P, 2) uint16 local atoms, (P, pair labels) float32.
        source_row: (N,) int64, number of the row in its source, from 1.
        split: (N,) uint8, 0 train, 1 valid, 2 test, 255 none.
    """

    arrays: MoleculeArrays
    smiles: Sequence[str]
    graph_labels: GraphLabels
    source_row: np.ndarray
    split: np.ndarray
    node_labels: np.ndarray | None = None
    edge_labels: np.ndarray | None = None
    pair_offsets: np.ndarray | None = None
    pair_atoms: np.ndarray | None = None
    pair_labels: np.ndarray | None = None


def molecule_schema(labels: Sequence[Label], encodings: EncodingConfig) -> Schema:
    """The columns that a store with these labels and encodings has."""
    count = {level: sum(label.level == level for label in labels) for level in LEVELS}
    columns = [
        Column("source_row", "row", "int64"),
        Column("split", "row", "uint8"),
        *(Column(name, "row", "float16", (width,)) for name, width in encodings.graph_widths.items()),
        Column("atom_codes", "atom", "uint8", (len(ATOM_COLUMNS),)),
        *(Column(name, "atom", "float16", (width,)) for name, width in encodings.node_widths.items()),
        Column("bond_atoms", "bond", "uint16", (2,)),
        Column("bond_codes", "bond", "uint8", (len(BOND_COLUMNS),)),
        Column("smiles", "text", "uint8"),
    ]
    if count["graph"]:
        columns += [
            Column("label_index", "label", "uint32"), Column("label_value", "label", "float32"), Column("label_bound", "label", "int8")
        ]  # fmt: skip
    if count["node"]:
        columns.append(Column("node_labels", "atom", "float32", (count["node"],)))
    if count["edge"]:
        columns.append(Column("edge_labels", "bond", "float32", (count["edge"],)))
    if count["pair"]:
        columns += [Column("pair_atoms", "pair", "uint16", (2,)), Column("pair_labels", "pair", "float32", (count["pair"],))]
    return Schema(tuple(columns))


class MoleculeStoreWriter:
    """Writes blocks of molecules; `close` makes the store exist."""

    def __init__(
        self,
        folder: Path,
        labels: Sequence[Label],
        encodings: EncodingConfig = EncodingConfig(),  # noqa: B008 (frozen)
        *,
        codec: str = "plain",
        shard_rows: int = 1 << 20,
        metadata: dict[str, Any] | None = None,
        append: bool = False,
    ) -> None:
        self._schema = molecule_schema(labels, encodings)
        kept = {
            **(metadata or {}),
            "labels": [label.to_json() for label in labels],
            "encodings": asdict(encodings),
        }
        self._writer = StoreWriter(folder, self._schema, codec=codec, shard_rows=shard_rows, metadata=kept, append=append)

    def append(self, block: MoleculeBlock) -> None:
        """Add some molecules."""
        arrays, count = block.arrays, len(block.arrays)
        text = [smiles.encode() for smiles in block.smiles]
        values: dict[str, np.ndarray] = {
            "source_row": np.asarray(block.source_row, np.int64),
            "split": np.asarray(block.split, np.uint8),
            "atom_codes": arrays.atom_codes,
            "bond_atoms": arrays.bond_atoms,
            "bond_codes": arrays.bond_codes,
            "smiles": np.frombuffer(b"".join(text), np.uint8),
            **arrays.atom_encodings,
            **arrays.graph_encodings,
        }
        offsets = {
            "atom": arrays.atom_offsets,
            "bond": arrays.bond_offsets,
            "text": np.concatenate([[0], np.cumsum([len(item) for item in text])]).astype(np.int64),
        }
        if "label_index" in self._schema:
            labels = block.graph_labels
            values |= {"label_index": labels.index, "label_value": labels.value, "label_bound": labels.bound}
            offsets["label"] = labels.offsets
        if "node_labels" in self._schema:
            values["node_labels"] = _given("node_labels", block.node_labels)
        if "edge_labels" in self._schema:
            values["edge_labels"] = _given("edge_labels", block.edge_labels)
        if "pair_labels" in self._schema:
            values["pair_atoms"] = _given("pair_atoms", block.pair_atoms)
            values["pair_labels"] = _given("pair_labels", block.pair_labels)
            offsets["pair"] = _given("pair_offsets", block.pair_offsets)
        self._writer.append(count, values, offsets)

    def close(self, metadata: dict[str, Any] | None = None) -> Manifest:
        """Finish the store; more metadata may be given that is known only now."""
        self._writer.metadata.update(metadata or {})
        return self._writer.close()


def _given(name: str, array: np.ndarray | None) -> np.ndarray:
    if array is None:
        raise ValueError(f"the store has labels that need {name}, but the block has none")
    return array


@dataclass
class MoleculeStore:
    """A store of molecules, opened for reading."""

    store: Store
    labels: tuple[Label, ...] = field(init=False)
    encodings: EncodingConfig = field(init=False)

    def __post_init__(self) -> None:
        self.labels = tuple(Label(**entry) for entry in self.store.metadata["labels"])
        self.encodings = EncodingConfig(**self.store.metadata["encodings"])
        self._graph_count = sum(label.level == "graph" for label in self.labels)
        self._censored = self._graph_count > 0 and bool(self.store.metadata.get("censored", False))

    @classmethod
    def open(cls, folder: Path) -> MoleculeStore:
        """Open a finished store; see `core.store.Store.open` for errors."""
        return cls(Store.open(folder))

    def __len__(self) -> int:
        return self.store.rows

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.store.folder

    @property
    def content_hash(self) -> str:
        """Hash of everything in it."""
        return self.store.content_hash

    @property
    def metadata(self) -> dict[str, Any]:
        """What prepare kept: counts of rejected rows, source files, rules."""
        return dict(self.store.metadata)

    @property
    def atom_counts(self) -> np.ndarray:
        """(N,) int64 atoms of every molecule."""
        return self.store.axis_counts("atom")

    def level_labels(self, level: str) -> tuple[Label, ...]:
        """The labels of one level, in column order."""
        return tuple(label for label in self.labels if label.level == level)

    def split(self) -> np.ndarray | None:
        """(N,) uint8 published split (0 train, 1 valid, 2 test, 255 none), or None if no row has one."""
        column = self.store.row_column("split")
        return column if (column != NO_SPLIT).any() else None

    def source_rows(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Number of each molecule's row in its source file, from 1."""
        return self.store.row_column("source_row", rows)

    def smiles(self, rows: np.ndarray | None = None) -> list[str]:
        """The SMILES of the given rows (all by default)."""
        rows = np.arange(len(self)) if rows is None else rows
        offsets, values = self.store.gather("text", rows, ["smiles"])
        data = values["smiles"].tobytes()
        return [data[start:end].decode() for start, end in zip(offsets[:-1], offsets[1:], strict=True)]

    def graph_labels(
        self, rows: np.ndarray | None = None, names: Sequence[str] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n, T) float32 graph-level labels with NaN, and their (n, T) int8 bounds.

        Raises:
            UnknownNameError: A name that is not a graph-level label.
        """
        rows = np.arange(len(self)) if rows is None else rows
        known = [label.name for label in self.level_labels("graph")]
        for name in names or ():
            if name not in known:
                raise UnknownNameError("label", name, known)
        if not known:
            return np.zeros((len(rows), 0), np.float32), np.zeros((len(rows), 0), np.int8)
        values, bounds = self._sparse(rows).dense(len(known))
        columns = [known.index(name) for name in names] if names is not None else slice(None)
        return values[:, columns], bounds[:, columns]

    def arrays(self, rows: np.ndarray) -> MoleculeArrays:
        """Codes and encodings of the given rows."""
        atom_names, graph_names = list(self.encodings.node_widths), list(self.encodings.graph_widths)
        atom_offsets, atoms = self.store.gather("atom", rows, ["atom_codes", *atom_names])
        bond_offsets, bonds = self.store.gather("bond", rows, ["bond_atoms", "bond_codes"])
        return MoleculeArrays(
            atom_offsets,
            bond_offsets,
            atoms["atom_codes"],
            bonds["bond_atoms"],
            bonds["bond_codes"],
            {name: atoms[name] for name in atom_names},
            {name: self.store.row_column(name, rows) for name in graph_names},
        )

    def read(self, rows: np.ndarray) -> MoleculeSlice:
        """Molecules and labels of the given rows, ready for `batch.collate`."""
        rows = np.asarray(rows, np.int64)
        arrays = self.arrays(rows)
        targets: dict[str, np.ndarray] = {}
        bounds: dict[str, np.ndarray] = {}
        pair_index = np.zeros((2, 0), np.int64)
        if self._graph_count:
            targets["graph"], graph_bounds = self._sparse(rows).dense(self._graph_count)
            if self._censored:
                bounds["graph"] = graph_bounds
        if "node_labels" in self.store.schema:
            targets["node"] = self.store.gather("atom", rows, ["node_labels"])[1]["node_labels"]
        if "edge_labels" in self.store.schema:
            targets["edge"] = self.store.gather("bond", rows, ["edge_labels"])[1]["edge_labels"]
        if "pair_labels" in self.store.schema:
            offsets, pairs = self.store.gather("pair", rows, ["pair_atoms", "pair_labels"])
            first = np.repeat(arrays.atom_offsets[:-1], np.diff(offsets))
            pair_index = pairs["pair_atoms"].astype(np.int64).T + first
            targets["pair"] = pairs["pair_labels"]
        return MoleculeSlice(arrays, targets, bounds, pair_index, rows)

    def _sparse(self, rows: np.ndarray) -> GraphLabels:
        offsets, values = self.store.gather("label", rows, ["label_index", "label_value", "label_bound"])
        return GraphLabels(offsets, values["label_index"], values["label_value"], values["label_bound"])


def take(block: MoleculeBlock, rows: np.ndarray) -> MoleculeBlock:
    """Some molecules of a block, in the given order."""
    arrays, labels = block.arrays, block.graph_labels
    atom_counts, bond_counts = arrays.atom_counts[rows], arrays.bond_counts[rows]
    atoms = ragged_index(arrays.atom_offsets[rows], atom_counts)
    bonds = ragged_index(arrays.bond_offsets[rows], bond_counts)
    label_counts = np.diff(labels.offsets)[rows]
    entries = ragged_index(labels.offsets[rows], label_counts)

    def ends(counts: np.ndarray) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    pairs: dict[str, np.ndarray] = {}
    if block.pair_offsets is not None and block.pair_atoms is not None and block.pair_labels is not None:
        pair_counts = np.diff(block.pair_offsets)[rows]
        index = ragged_index(block.pair_offsets[rows], pair_counts)
        pairs = {
            "pair_offsets": ends(pair_counts), "pair_atoms": block.pair_atoms[index], "pair_labels": block.pair_labels[index]
        }  # fmt: skip
    return MoleculeBlock(
        arrays=MoleculeArrays(
            ends(atom_counts),
            ends(bond_counts),
            arrays.atom_codes[atoms],
            arrays.bond_atoms[bonds],
            arrays.bond_codes[bonds],
            {name: values[atoms] for name, values in arrays.atom_encodings.items()},
            {name: values[rows] for name, values in arrays.graph_encodings.items()},
        ),
        smiles=[block.smiles[row] for row in rows],
        graph_labels=GraphLabels(ends(label_counts), labels.index[entries], labels.value[entries], labels.bound[entries]),
        source_row=block.source_row[rows],
        split=block.split[rows],
        node_labels=None if block.node_labels is None else block.node_labels[atoms],
        edge_labels=None if block.edge_labels is None else block.edge_labels[bonds],
        **pairs,
    )
