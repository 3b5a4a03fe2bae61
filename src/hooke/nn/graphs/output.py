"""`MoleculeOutput`: what every molecule encoder returns."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class MoleculeOutput:
    """Representations of `B` molecules with `V` nodes and `E` directed edges.

    Attributes:
        nodes: (V, node width), one row a node, in batch order.
        edges: (E, edge width), one row a directed edge, in batch order; None for encoders without an edge stream.
        graphs: (B, graph width), the pooled nodes, one row a molecule.
    """

    nodes: Float[Tensor, "nodes node_width"]
    edges: Float[Tensor, "edges edge_width"] | None
    graphs: Float[Tensor, "graphs graph_width"]
