"""Blocks of molecules in memory with everything a store keeps of them: what writers take and ingest passes around."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hooke.core.store.reader import ragged_index
from hooke.molecules.arrays import MoleculeArrays

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
        return cls(ends(measured.sum(axis=1)), index.astype(np.uint32), values[measured].astype(np.float32), bound)

    def dense(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(N, count) float32 values with NaN, and (N, count) int8 bounds."""
        molecules = len(self.offsets) - 1
        values = np.full((molecules, count), np.nan, np.float32)
        bounds = np.zeros((molecules, count), np.int8)
        rows = np.repeat(np.arange(molecules), np.diff(self.offsets))
        values[rows, self.index] = self.value
        bounds[rows, self.index] = self.bound
        return values, bounds

    def replaced(self, molecules: np.ndarray, others: GraphLabels) -> GraphLabels:
        """The same labels but those of the given molecules, which `others` holds in the same order."""
        counts = np.diff(self.offsets)
        stays = np.ones(len(counts), dtype=bool)
        stays[molecules] = False
        old = np.repeat(stays, counts)
        owner = np.concatenate(
            [np.repeat(np.arange(len(counts)), counts)[old], np.repeat(molecules, np.diff(others.offsets))]
        )
        order = np.argsort(owner, kind="stable")
        return GraphLabels(
            ends(np.bincount(owner, minlength=len(counts))),
            np.concatenate([self.index[old], others.index])[order],
            np.concatenate([self.value[old], others.value])[order],
            np.concatenate([self.bound[old], others.bound])[order],
        )

    def beside(self, others: GraphLabels) -> GraphLabels:
        """The labels of the same molecules, these first and then `others`."""
        counts = np.diff(self.offsets), np.diff(others.offsets)
        owner = np.concatenate([np.repeat(np.arange(len(one)), one) for one in counts])
        order = np.argsort(owner, kind="stable")
        return GraphLabels(
            self.offsets + others.offsets,
            np.concatenate([self.index, others.index])[order],
            np.concatenate([self.value, others.value])[order],
            np.concatenate([self.bound, others.bound])[order],
        )

    def rows(self, rows: np.ndarray) -> GraphLabels:
        """The labels of some molecules, in the given order."""
        offsets, entries = _runs(self.offsets, rows)
        return GraphLabels(offsets, self.index[entries], self.value[entries], self.bound[entries])


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
        time: (N,) float64, rising with the time at which a row was made, NaN where that is not known; None without a column of times.
        tables: (N,) uint64, a bit for each table of a joined mixture that the molecule occurs in; None elsewhere.
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
    time: np.ndarray | None = None
    tables: np.ndarray | None = None


def take(block: MoleculeBlock, rows: np.ndarray) -> MoleculeBlock:
    """Some molecules of a block, in the given order."""
    arrays = block.arrays
    atom_offsets, atoms = _runs(arrays.atom_offsets, rows)
    bond_offsets, bonds = _runs(arrays.bond_offsets, rows)
    pairs: dict[str, np.ndarray] = {}
    if block.pair_offsets is not None and block.pair_atoms is not None and block.pair_labels is not None:
        pair_offsets, index = _runs(block.pair_offsets, rows)
        pairs = {
            "pair_offsets": pair_offsets,
            "pair_atoms": block.pair_atoms[index],
            "pair_labels": block.pair_labels[index],
        }
    return MoleculeBlock(
        arrays=MoleculeArrays(
            atom_offsets,
            bond_offsets,
            arrays.atom_codes[atoms],
            arrays.bond_atoms[bonds],
            arrays.bond_codes[bonds],
            {name: values[atoms] for name, values in arrays.atom_encodings.items()},
            {name: values[rows] for name, values in arrays.graph_encodings.items()},
        ),
        smiles=[block.smiles[row] for row in rows],
        graph_labels=block.graph_labels.rows(rows),
        source_row=block.source_row[rows],
        split=block.split[rows],
        node_labels=None if block.node_labels is None else block.node_labels[atoms],
        edge_labels=None if block.edge_labels is None else block.edge_labels[bonds],
        time=None if block.time is None else block.time[rows],
        tables=None if block.tables is None else block.tables[rows],
        **pairs,
    )


def _runs(offsets: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of the chosen rows, and the positions of their items."""
    counts = offsets[rows + 1] - offsets[rows]
    return ends(counts), ragged_index(offsets[rows], counts)


def ends(counts: np.ndarray) -> np.ndarray:
    """(N,) counts to (N + 1,) int64 offsets."""
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets
