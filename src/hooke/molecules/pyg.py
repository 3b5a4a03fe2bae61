"""Bridge to PyTorch Geometric: batches both ways. Needs torch_geometric, which Hooke itself does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hooke.core.errors import UsageError
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.vocabulary import BOND_COLUMNS, FEATURES, atom_vocabularies

_NODE, _GRAPH, _TARGET, _BOUND = "node_encoding_", "graph_encoding_", "target_", "bound_"


def to_pyg(batch: MoleculeBatch) -> Any:
    """The molecules as a `torch_geometric.data.Batch` of one `Data` a molecule, which PyG can take apart again.

    Fields: `x` atom codes, `edge_index` and `edge_attr` bond codes in both directions, `edge_bond` (the bond of each edge,
    counted within the molecule), `pair_index`, `rows`, and with their prefixes node_encoding_NAME, graph_encoding_NAME,
    target_LEVEL and bound_LEVEL.

    Raises:
        UsageError: torch_geometric is not installed.
    """
    try:
        from torch_geometric.data import Batch, Data
    except ImportError as error:
        raise UsageError("this needs PyTorch Geometric: pip install torch_geometric") from error
    first_edge = torch.searchsorted(batch.edge_index[1].contiguous(), batch.node_offsets)
    pair_graph = batch.node_graph[batch.pair_index[0]]
    graphs = []
    for graph in range(batch.num_graphs):
        node, edge = int(batch.node_offsets[graph]), int(first_edge[graph])
        nodes = slice(node, int(batch.node_offsets[graph + 1]))
        edges = slice(edge, int(first_edge[graph + 1]))
        bonds = slice(edges.start // 2, edges.stop // 2)
        pairs = pair_graph == graph
        items: dict[str, Any] = {"graph": slice(graph, graph + 1), "node": nodes, "edge": bonds, "pair": pairs}
        fields = {
            "x": batch.atom_codes[nodes],
            "edge_index": batch.edge_index[:, edges] - node,
            "edge_attr": batch.edge_codes[edges],
            "edge_bond": batch.edge_bond[edges] - bonds.start,
            "pair_index": batch.pair_index[:, pairs] - node,
            "rows": batch.rows[items["graph"]],
        }
        fields |= {_NODE + name: tensor[nodes] for name, tensor in batch.node_encodings.items()}
        fields |= {_GRAPH + name: tensor[items["graph"]] for name, tensor in batch.graph_encodings.items()}
        fields |= {_TARGET + level: tensor[items[level]] for level, tensor in batch.targets.items()}
        fields |= {_BOUND + level: tensor[items[level]] for level, tensor in batch.bounds.items()}
        graphs.append(Data(**fields))
    return Batch.from_data_list(graphs)


def from_pyg(data: Any) -> MoleculeBatch:
    """A `MoleculeBatch` from what `to_pyg` made, whole or re-batched, or from any PyG `Data` or `Batch` with Hooke's codes.

    Raises:
        UsageError: The features are not Hooke's integer codes, or the graphs are not simple and undirected, so that an edge
            has no single reverse.
    """
    fields: Mapping[str, Any] = data.to_dict()
    atom_codes = _codes(fields, "x", *(len(atom_vocabularies(version)) for version in range(1, FEATURES + 1)))
    edge_codes = _codes(fields, "edge_attr", len(BOND_COLUMNS))
    nodes = len(atom_codes)
    order = torch.argsort(data.edge_index[1] * nodes + data.edge_index[0])
    edge_index, edge_codes = data.edge_index[:, order], edge_codes[order]
    reverse = _reverse(edge_index, nodes)
    node_graph = fields.get("batch")
    node_graph = torch.zeros(nodes, dtype=torch.int64) if node_graph is None else node_graph
    offsets = fields.get("ptr")
    offsets = torch.tensor([0, nodes]) if offsets is None else offsets
    first = torch.arange(len(reverse)) < reverse  # of a bond's two edges
    bond = first.cumsum(0) - 1
    bond = torch.where(first, bond, bond[reverse])
    if "edge_bond" in fields:
        first_edge = torch.searchsorted(edge_index[1].contiguous(), offsets)
        bond = fields["edge_bond"][order] + (first_edge // 2)[node_graph[edge_index[1]]]

    def group(prefix: str) -> dict[str, Tensor]:
        return {name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix)}

    return MoleculeBatch(
        atom_codes=atom_codes,
        edge_index=edge_index,
        edge_codes=edge_codes,
        edge_reverse=reverse,
        edge_bond=bond,
        node_graph=node_graph,
        node_offsets=offsets,
        node_encodings=group(_NODE),
        graph_encodings=group(_GRAPH),
        targets=group(_TARGET),
        bounds=group(_BOUND),
        pair_index=fields.get("pair_index", torch.zeros(2, 0, dtype=torch.int64)),
        rows=fields.get("rows", torch.zeros(0, dtype=torch.int64)),
    )


def _codes(fields: Mapping[str, Any], name: str, *columns: int) -> Tensor:
    """A feature matrix as int64, if its shape and type are those of codes."""
    codes = fields.get(name)
    if codes is None or codes.is_floating_point() or codes.dim() != 2 or codes.shape[1] not in columns:
        raise UsageError(
            f"{name} must hold Hooke's integer codes, {columns[-1]} columns (see hooke.molecules.vocabulary); other features, "
            "such as those of PyG's own data sets, mean something else: featurise the SMILES instead"
        )
    return codes.long()


def _reverse(edge_index: Tensor, nodes: int) -> Tensor:
    """Position of each edge's reverse, of edges sorted by (destination, source)."""
    key = edge_index[1] * nodes + edge_index[0]
    swapped = edge_index[0] * nodes + edge_index[1]
    reverse = torch.searchsorted(key, swapped).clamp(max=max(0, len(key) - 1))
    repeated = bool((key[1:] == key[:-1]).any()) or bool((key == swapped).any())
    if repeated or not torch.equal(key[reverse], swapped):
        raise UsageError("every edge needs one reverse: no directed or repeated edges, no self-loops")
    return reverse
