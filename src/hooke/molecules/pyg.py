"""Bridge to PyTorch Geometric: batches both ways. Needs torch_geometric, which Hooke itself does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from hooke.core.errors import UsageError
from hooke.molecules.batch import MoleculeBatch

_NODE, _GRAPH, _TARGET, _BOUND = "node_encoding_", "graph_encoding_", "target_", "bound_"


def to_pyg(batch: MoleculeBatch) -> Any:
    """A `torch_geometric.data.Batch` with x = atom codes, edge_attr = bond codes, both directions, and all labels.

    Raises:
        UsageError: torch_geometric is not installed.
    """
    try:
        from torch_geometric.data import Batch
    except ImportError as error:
        raise UsageError("this needs PyTorch Geometric: pip install torch_geometric") from error
    fields = {
        "x": batch.atom_codes, "edge_index": batch.edge_index, "edge_attr": batch.edge_codes, "edge_reverse": batch.edge_reverse,
        "edge_bond": batch.edge_bond, "batch": batch.node_graph, "ptr": batch.node_offsets, "pair_index": batch.pair_index,
        "rows": batch.rows,
    }  # fmt: skip
    for prefix, group in ((_NODE, batch.node_encodings), (_GRAPH, batch.graph_encodings), (_TARGET, batch.targets), (_BOUND, batch.bounds)):
        fields |= {prefix + name: tensor for name, tensor in group.items()}
    return Batch(**fields)


def from_pyg(data: Any) -> MoleculeBatch:
    """A `MoleculeBatch` from what `to_pyg` made, or from any PyG batch of undirected graphs with integer x and edge_attr.

    Raises:
        UsageError: The graphs are not undirected, so that an edge has no reverse.
    """
    edge_index, edge_codes = data.edge_index, data.edge_attr
    nodes = len(data.x)
    order = torch.argsort(edge_index[1] * nodes + edge_index[0])
    edge_index, edge_codes = edge_index[:, order], edge_codes[order]
    key = edge_index[1] * nodes + edge_index[0]
    swapped = edge_index[0] * nodes + edge_index[1]
    reverse = torch.searchsorted(key, swapped).clamp(max=max(0, len(key) - 1))
    if len(key) and not torch.equal(key[reverse], swapped):
        raise UsageError("the graphs are directed: every edge needs its reverse")
    if getattr(data, "edge_bond", None) is not None:
        bond = data.edge_bond[order]
    else:
        first = torch.arange(len(key)) < reverse
        bond = torch.where(first, first.cumsum(0) - 1, (first.cumsum(0) - 1)[reverse])
    plain = MoleculeBatch(
        atom_codes=data.x.long(), edge_index=edge_index, edge_codes=edge_codes.long(), edge_reverse=reverse, edge_bond=bond,
        node_graph=data.batch, node_offsets=data.ptr,
    )  # fmt: skip
    fields = data.to_dict()

    def group(prefix: str) -> dict[str, torch.Tensor]:
        return {name.removeprefix(prefix): value for name, value in fields.items() if name.startswith(prefix)}

    return replace(
        plain, node_encodings=group(_NODE), graph_encodings=group(_GRAPH), targets=group(_TARGET), bounds=group(_BOUND),
        pair_index=fields.get("pair_index", plain.pair_index), rows=fields.get("rows", plain.rows),
    )  # fmt: skip
