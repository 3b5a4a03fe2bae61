"""Molecules with labels in a columnar store: the schema, the writer and the reader.

Axes: "atom", "bond", "text" (bytes of the SMILES), "label" (graph labels, kept only where measured), "pair". Labels of
nodes and edges are dense rows beside the codes, NaN where not measured.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.errors import DataError, UnknownNameError
from hooke.core.label import Label
from hooke.core.options import plain
from hooke.core.store import Column, Schema, Store, StoreWriter
from hooke.core.store.opened import OpenedStore
from hooke.core.store.schema import Manifest, newest_manifest
from hooke.core.store.writer import SHARD_ROWS
from hooke.molecules.arrays import MoleculeArrays, MoleculeSlice
from hooke.molecules.blocks import NO_SPLIT, SPLIT_CODES, GraphLabels, MoleculeBlock, ends, take
from hooke.molecules.encodings.config import POSITIONS, EncodingConfig
from hooke.molecules.spec import LEVELS
from hooke.molecules.vocabulary import BOND_COLUMNS, atom_vocabularies

__all__ = [
    "NO_SPLIT",
    "SPLIT_CODES",
    "GraphLabels",
    "MoleculeBlock",
    "MoleculeStore",
    "MoleculeStoreWriter",
    "molecule_schema",
    "take",
]


_ATOM_TYPES = {POSITIONS: "float32"}


def molecule_schema(
    labels: Sequence[Label], encodings: EncodingConfig, *, timed: bool = False, joined: bool = False
) -> Schema:
    """The columns that a store with these labels and encodings has, whose rows have times, or are those of joined tables."""
    count = {level: sum(label.level == level for label in labels) for level in LEVELS}
    columns = [
        Column("source_row", "row", "int64"),
        Column("split", "row", "uint8"),
        *([Column("time", "row", "float64")] if timed else []),
        *([Column("tables", "row", "uint64")] if joined else []),
        *(Column(name, "row", "float16", (width,)) for name, width in encodings.graph_widths.items()),
        Column("atom_codes", "atom", "uint8", (len(atom_vocabularies(encodings.features)),)),
        *(
            Column(name, "atom", _ATOM_TYPES.get(name, "float16"), (width,))
            for name, width in encodings.atom_widths.items()
        ),
        Column("bond_atoms", "bond", "uint16", (2,)),
        Column("bond_codes", "bond", "uint8", (len(BOND_COLUMNS),)),
        Column("smiles", "text", "uint8"),
    ]
    if count["graph"]:
        columns.append(Column("label_index", "label", "uint16" if count["graph"] <= 1 << 16 else "uint32"))
        columns += [Column("label_value", "label", "float32"), Column("label_bound", "label", "int8")]
    if count["node"]:
        columns.append(Column("node_labels", "atom", "float32", (count["node"],)))
    if count["edge"]:
        columns.append(Column("edge_labels", "bond", "float32", (count["edge"],)))
    if count["pair"]:
        columns.append(Column("pair_atoms", "pair", "uint16", (2,)))
        columns.append(Column("pair_labels", "pair", "float32", (count["pair"],)))
    return Schema(tuple(columns))


class MoleculeStoreWriter:
    """Writes blocks of molecules, with their times if `timed` and their tables if `joined`; `close` makes the store exist.

    Other arguments as in `core.store.StoreWriter`.

    Raises:
        DataError: `append`, and the store there has other labels or encodings.
    """

    def __init__(
        self,
        folder: Path,
        labels: Sequence[Label],
        encodings: EncodingConfig = EncodingConfig(),
        *,
        codec: str = "plain",
        shard_rows: int = SHARD_ROWS,
        metadata: dict[str, Any] | None = None,
        append: bool = False,
        timed: bool = False,
        joined: bool = False,
    ) -> None:
        self._schema = molecule_schema(labels, encodings, timed=timed, joined=joined)
        what = {"labels": [label.to_json() for label in labels], "encodings": plain(encodings)}
        self._censored = False
        if append:
            before = newest_manifest(folder).metadata
            if any(before.get(name) != value for name, value in what.items()):
                raise DataError(f"{folder} has other labels or encodings; molecules can only be appended to equal ones")
            self._censored = bool(before.get("censored", False))
        self._writer = StoreWriter(
            folder,
            self._schema,
            codec=codec,
            shard_rows=shard_rows,
            metadata={**(metadata or {}), **what},
            append=append,
        )

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
        if "time" in self._schema:
            values["time"] = _given("time", block.time)
        if "tables" in self._schema:
            values["tables"] = _given("tables", block.tables)
        offsets = {
            "atom": arrays.atom_offsets,
            "bond": arrays.bond_offsets,
            "text": ends(np.array([len(item) for item in text], np.int64)),
        }
        if "label_index" in self._schema:
            labels = block.graph_labels
            index = labels.index.astype(self._schema["label_index"].dtype)
            values |= {"label_index": index, "label_value": labels.value, "label_bound": labels.bound}
            offsets["label"] = labels.offsets
            self._censored = self._censored or bool(labels.bound.any())
        if "node_labels" in self._schema:
            values["node_labels"] = _given("node_labels", block.node_labels)
        if "edge_labels" in self._schema:
            values["edge_labels"] = _given("edge_labels", block.edge_labels)
        if "pair_labels" in self._schema:
            values["pair_atoms"] = _given("pair_atoms", block.pair_atoms)
            values["pair_labels"] = _given("pair_labels", block.pair_labels)
            offsets["pair"] = _given("pair_offsets", block.pair_offsets)
        self._writer.append(count, values, offsets)

    def add_file(self, name: str) -> None:
        """List a file of the store's folder as part of the store: it is checked with it."""
        self._writer.add_file(name)

    def close(self, metadata: dict[str, Any] | None = None) -> Manifest:
        """Finish the store; more metadata may be given that is known only now."""
        self._writer.metadata.update({**(metadata or {}), "censored": self._censored})
        return self._writer.close()


def _given(name: str, array: np.ndarray | None) -> np.ndarray:
    if array is None:
        raise ValueError(f"the store has labels that need {name}, but the block has none")
    return array


class MoleculeStore(OpenedStore):
    """A store of molecules, opened for reading; its manifest names no kind, but labels and encodings."""

    items = "molecules"

    def __init__(self, store: Store) -> None:
        metadata = store.metadata
        if "labels" not in metadata or "encodings" not in metadata:
            raise DataError(f"{store.folder} is a store, but not one of molecules")
        self.store = store
        self.labels = tuple(Label.from_json(entry) for entry in metadata["labels"])
        self.encodings = EncodingConfig.from_json(metadata["encodings"])
        self._graph_count = len(self.level_labels("graph"))
        self._censored = bool(metadata.get("censored", False))

    def __repr__(self) -> str:
        return f"MoleculeStore({str(self.folder)!r}: {len(self):,} molecules, {len(self.labels):,} label{'s' * (len(self.labels) != 1)})"

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

    def times(self) -> np.ndarray | None:
        """(N,) float64 that rise with the time at which each row was made, NaN where it is not known; None without a column of times."""
        return self.store.row_column("time") if "time" in self.store.schema else None

    def tables(self, rows: np.ndarray | None = None) -> np.ndarray | None:
        """(n,) uint64 of the given rows (all by default), a bit for each table of `metadata["tables"]`; None where tables were not joined."""
        return self.store.row_column("tables", rows) if "tables" in self.store.schema else None

    def source_rows(self, rows: np.ndarray | None = None) -> np.ndarray:
        """Number of each molecule's row in its source file, from 1."""
        return self.store.row_column("source_row", rows)

    def smiles(self, rows: np.ndarray | None = None) -> list[str]:
        """The SMILES of the given rows (all by default)."""
        offsets, values = self.store.gather("text", self._all(rows), ["smiles"])
        data = values["smiles"].tobytes()
        return [data[start:end].decode() for start, end in itertools.pairwise(offsets)]

    def graph_labels(
        self, rows: np.ndarray | None = None, names: Sequence[str] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n, T) float32 graph-level labels with NaN, and their (n, T) int8 bounds.

        Raises:
            UnknownNameError: A name that is not a graph-level label.
        """
        rows = self._all(rows)
        known = [label.name for label in self.level_labels("graph")]
        for name in names or ():
            if name not in known:
                raise UnknownNameError("label", name, known)
        values, bounds = self._sparse(rows).dense(len(known))
        columns = [known.index(name) for name in names] if names is not None else slice(None)
        return values[:, columns], bounds[:, columns]

    def located(self) -> np.ndarray:
        """(N,) whether each molecule has coordinates; only for a store that carries them."""
        offsets, values = self.store.gather("atom", np.arange(len(self)), [POSITIONS])
        finite = np.isfinite(values[POSITIONS]).all(axis=1)
        return np.logical_and.reduceat(finite, offsets[:-1])

    def arrays(self, rows: np.ndarray) -> MoleculeArrays:
        """Codes and encodings of the given rows."""
        return self._read(np.asarray(rows, np.int64), with_labels=False)[0]

    def read(self, rows: np.ndarray) -> MoleculeSlice:
        """Molecules and labels of the given rows, ready for `batch.collate`."""
        rows = np.asarray(rows, np.int64)
        arrays, targets = self._read(rows, with_labels=True)
        bounds: dict[str, np.ndarray] = {}
        pair_index = np.zeros((2, 0), np.int64)
        if self._graph_count:
            targets["graph"], graph_bounds = self._sparse(rows).dense(self._graph_count)
            if self._censored:
                bounds["graph"] = graph_bounds
        if "pair_labels" in self.store.schema:
            offsets, pairs = self.store.gather("pair", rows, ["pair_atoms", "pair_labels"])
            first = np.repeat(arrays.atom_offsets[:-1], np.diff(offsets))
            pair_index = pairs["pair_atoms"].astype(np.int64).T + first
            targets["pair"] = pairs["pair_labels"]
        return MoleculeSlice(arrays, targets, bounds, pair_index, rows)

    def targets(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Level -> labels of the given rows as in `read`, without reading the molecules."""
        rows = np.asarray(rows, np.int64)
        found: dict[str, np.ndarray] = {}
        for level, axis in (("node", "atom"), ("edge", "bond"), ("pair", "pair")):
            name = f"{level}_labels"
            if name in self.store.schema:
                found[level] = self.store.gather(axis, rows, [name])[1][name]
        if self._graph_count:
            found["graph"] = self._sparse(rows).dense(self._graph_count)[0]
        return found

    def _all(self, rows: np.ndarray | None) -> np.ndarray:
        return np.arange(len(self)) if rows is None else np.asarray(rows, np.int64)

    def _read(self, rows: np.ndarray, *, with_labels: bool) -> tuple[MoleculeArrays, dict[str, np.ndarray]]:
        """The molecules, and the labels that lie beside their atoms and bonds."""
        schema = self.store.schema
        atom_names, graph_names = list(self.encodings.atom_widths), list(self.encodings.graph_widths)
        nodes = ["node_labels"] if with_labels and "node_labels" in schema else []
        edges = ["edge_labels"] if with_labels and "edge_labels" in schema else []
        atom_offsets, atoms = self.store.gather("atom", rows, ["atom_codes", *atom_names, *nodes])
        bond_offsets, bonds = self.store.gather("bond", rows, ["bond_atoms", "bond_codes", *edges])
        arrays = MoleculeArrays(
            atom_offsets,
            bond_offsets,
            atoms["atom_codes"],
            bonds["bond_atoms"],
            bonds["bond_codes"],
            {name: atoms[name] for name in atom_names},
            {name: self.store.row_column(name, rows) for name in graph_names},
        )
        targets = {}
        if nodes:
            targets["node"] = atoms["node_labels"]
        if edges:
            targets["edge"] = bonds["edge_labels"]
        return arrays, targets

    def _sparse(self, rows: np.ndarray) -> GraphLabels:
        if not self._graph_count:
            empty = np.zeros(0, np.uint32), np.zeros(0, np.float32), np.zeros(0, np.int8)
            return GraphLabels(np.zeros(len(rows) + 1, np.int64), *empty)
        offsets, values = self.store.gather("label", rows, ["label_index", "label_value", "label_bound"])
        return GraphLabels(offsets, values["label_index"], values["label_value"], values["label_bound"])
