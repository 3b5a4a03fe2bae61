"""`MoleculeBatch`: molecules and their labels as flat tensors, ready for a device. The one file of this folder that knows torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from hooke.molecules.arrays import MoleculeArrays, MoleculeSlice, contiguous
from hooke.molecules.directed_edges import directed_edges

ATOMS_A_MOLECULE = 100  # a batch holds at most so many atoms times the batch size: peptides must not exhaust the memory


@dataclass(frozen=True)
class MoleculeBatch:
    """`B` molecules: `V` nodes (atoms), `M` bonds and `E = 2 M` directed edges, sorted by destination.

    Attributes:
        atom_codes: (V, 11) int64, columns of `vocabulary.ATOM_COLUMNS`; version 1 has the first 8.
        edge_index: (2, E) int64, row 0 source and row 1 destination node; row 1 never decreases.
        edge_codes: (E, 4) int64, columns of `vocabulary.BOND_COLUMNS`.
        edge_reverse: (E,) int64, the position of the same bond's edge in the other direction.
        edge_bond: (E,) int64, the bond (0..M-1, in store order) of each edge; edge-level labels are one row a bond.
        node_graph: (V,) int64, the molecule of each node, never decreasing.
        node_offsets: (B + 1,) int64, the first node of each molecule.
        node_encodings: name -> (V, width) float32.
        graph_encodings: name -> (B, width) float32.
        targets: level -> (items, labels of that level) float32, NaN = not measured. Items are molecules ("graph"),
            nodes ("node"), bonds ("edge") or pairs ("pair").
        bounds: level -> (items, labels) int8: 0 exact, +1 the truth is above the value (">10"), -1 below. Only present
            for levels that have censored labels.
        pair_index: (2, P) int64, the two nodes of each labelled pair; P = 0 without pair labels.
        rows: (B,) int64, the row of each molecule in its store.
    """

    atom_codes: Int[Tensor, "nodes atom_columns"]
    edge_index: Int[Tensor, "2 edges"]
    edge_codes: Int[Tensor, "edges bond_columns"]
    edge_reverse: Int[Tensor, " edges"]
    edge_bond: Int[Tensor, " edges"]
    node_graph: Int[Tensor, " nodes"]
    node_offsets: Int[Tensor, " graphs_plus_one"]
    node_encodings: Mapping[str, Tensor] = field(default_factory=dict)
    graph_encodings: Mapping[str, Tensor] = field(default_factory=dict)
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    bounds: Mapping[str, Tensor] = field(default_factory=dict)
    pair_index: Int[Tensor, "2 pairs"] = field(default_factory=lambda: torch.zeros(2, 0, dtype=torch.int64))
    rows: Int[Tensor, " graphs"] = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))

    @property
    def num_graphs(self) -> int:
        """Number of molecules."""
        return self.node_offsets.shape[0] - 1

    @property
    def num_items(self) -> int:
        """Number of molecules, as every kind of batch says it."""
        return self.num_graphs

    @property
    def num_nodes(self) -> int:
        """Number of nodes over all molecules."""
        return self.atom_codes.shape[0]

    @property
    def num_bonds(self) -> int:
        """Number of undirected bonds over all molecules."""
        return self.edge_index.shape[1] // 2

    def item_keys(self, axis: str) -> tuple[Tensor, Tensor | None]:
        """See `core.types.Batch`; the axes are graphs, nodes, edges, bonds and pairs."""
        device = self.node_graph.device
        rows = self.rows if len(self.rows) == self.num_graphs else torch.arange(self.num_graphs, device=device)
        if axis == "graphs":
            return rows, None
        if axis == "nodes":
            graph = self.node_graph
        elif axis == "pairs":
            graph = self.node_graph[self.pair_index[0]]
        else:
            graph = self.node_graph[self.edge_index[1]]
            if axis == "bonds":
                graph = graph.new_empty(self.num_bonds).scatter_(0, self.edge_bond, graph)
        sizes = torch.zeros(len(rows), dtype=torch.int64, device=device).scatter_add_(0, graph, torch.ones_like(graph))
        return rows[graph], torch.arange(len(graph), device=device) - (sizes.cumsum(0) - sizes)[graph]

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> MoleculeBatch:
        """The same batch on another device."""

        def move(value: object) -> object:
            if isinstance(value, Tensor):
                return value.to(device, non_blocking=non_blocking)
            return {name: move(tensor) for name, tensor in value.items()}  # type: ignore[attr-defined]

        return replace(self, **{name: move(value) for name, value in vars(self).items()})  # type: ignore[arg-type]


def collate(molecules: MoleculeSlice) -> MoleculeBatch:
    """Rows of a store as one batch: every bond becomes two directed edges, sorted by (destination, source)."""
    arrays = molecules.arrays
    edges = directed_edges(arrays)
    return MoleculeBatch(
        atom_codes=torch.from_numpy(arrays.atom_codes.astype(np.int64)),
        edge_index=torch.from_numpy(edges.ends),
        edge_codes=torch.from_numpy(arrays.bond_codes.astype(np.int64).take(edges.bond, axis=0)),
        edge_reverse=torch.from_numpy(edges.reverse),
        edge_bond=torch.from_numpy(edges.bond),
        node_graph=torch.from_numpy(np.repeat(np.arange(len(arrays)), arrays.atom_counts)),
        node_offsets=torch.from_numpy(np.array(arrays.atom_offsets, dtype=np.int64)),
        node_encodings=_tensors(arrays.atom_encodings, torch.float32),
        graph_encodings=_tensors(arrays.graph_encodings, torch.float32),
        targets=_tensors(molecules.targets, torch.float32),
        bounds=_tensors(molecules.bounds, torch.int8),
        pair_index=torch.from_numpy(np.array(molecules.pair_index, dtype=np.int64)),
        rows=torch.from_numpy(np.array(molecules.rows, dtype=np.int64)),
    )


def batches(arrays: MoleculeArrays, batch_size: int) -> Iterator[MoleculeBatch]:
    """The molecules in order, a batch at a time."""
    for start, stop in cuts(arrays.atom_counts, batch_size):
        yield collate(MoleculeSlice(contiguous(arrays, start, stop), rows=np.arange(start, stop)))


def cuts(atom_counts: np.ndarray, batch_size: int) -> Iterator[tuple[int, int]]:
    """Consecutive ranges of at most `batch_size` molecules and 100 `batch_size` atoms, but at least one molecule."""
    ends = np.cumsum(atom_counts)
    start = 0
    while start < len(atom_counts):
        before = int(ends[start - 1]) if start else 0
        fitting = int(np.searchsorted(ends, before + batch_size * ATOMS_A_MOLECULE, side="right"))
        stop = max(start + 1, min(start + batch_size, fitting))
        yield start, stop
        start = stop


def _tensors(arrays: Mapping[str, np.ndarray], dtype: torch.dtype) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.array(array)).to(dtype) for name, array in arrays.items()}
