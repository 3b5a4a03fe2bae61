"""`MoleculeOutput`: what every molecule encoder returns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from jaxtyping import Float
from torch import Tensor

from hooke.nn.graphs.environments import Shared


@dataclass(frozen=True)
class MoleculeOutput:
    """Representations of `B` molecules with `V` nodes and `E` directed edges.

    Attributes:
        nodes: (V, node width), one row a node, in batch order.
        edge_states: The edge stream, as it was computed; None for encoders without one.
        graphs: (B, graph width), the pooled nodes, one row a molecule.
    """

    nodes: Float[Tensor, "nodes node_width"]
    edge_states: Shared | Float[Tensor, "edges edge_width"] | None
    graphs: Float[Tensor, "graphs graph_width"]

    @cached_property
    def edges(self) -> Float[Tensor, "edges edge_width"] | None:
        """(E, edge width), one row a directed edge, in batch order; None for encoders without an edge stream."""
        return self.edge_states.expand() if isinstance(self.edge_states, Shared) else self.edge_states
