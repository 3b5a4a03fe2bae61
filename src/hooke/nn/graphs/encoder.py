"""`MoleculeEncoder`: inputs ∘ layers ∘ pooling, the frame that all message-passing models share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.distinct import Distinct
from hooke.nn.graphs.graph_dropout import LayerSkip
from hooke.nn.graphs.molecule_model import MoleculeModel
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.graphs.pooling import Pooling, PoolingKind, VirtualNode, VirtualNodeKind
from hooke.nn.graphs.segment import edges_of


class MoleculeEncoder(MoleculeModel):
    """A model is this class with its own inputs and layers; `Model.__init__` only puts them together.

    Each layer is called as layer(nodes, bonds, edges) and returns the new (nodes, bonds). `nodes` is a (V, width) tensor,
    `bonds` what `edge_inputs` made, or None; a layer with an edge stream returns a (E, width) tensor there, which is then
    the `edges` of the output. Models whose one layer starts from the features themselves set `distinct_nodes` and get
    `nodes` as the `Distinct` that `node_inputs` made.

    Args:
        node_inputs: Module of (batch, edges) → `Distinct` node states.
        edge_inputs: Module of (batch) → `Distinct` edge states, or None.
        layers: Message-passing layers.
        pooling: Kind of pooling.
        node_width: Width of the nodes after the last layer.
        edge_width: Width of the edge stream after the last layer, 0 without one.
        distinct_nodes: Whether the first layer takes the nodes as `Distinct`.
        virtual_node: A node of the whole molecule that exchanges with all others after each layer; see `nn.graphs.pooling`.
        stochastic_depth: Share of the molecules that go around the last layer in training; it rises linearly from 0 at the first.
        context: Module of (batch, edges) → edges with more that the layers read (attention: `nn.graphs.pair_bias`).
    """

    def __init__(
        self,
        *,
        node_inputs: nn.Module,
        edge_inputs: nn.Module | None,
        layers: Sequence[nn.Module],
        pooling: PoolingKind,
        node_width: int,
        edge_width: int = 0,
        distinct_nodes: bool = False,
        virtual_node: VirtualNodeKind = "none",
        stochastic_depth: float = 0.0,
        context: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.node_inputs = node_inputs
        self.edge_inputs = edge_inputs
        self.layers = nn.ModuleList(layers)
        self.pooling = Pooling(pooling)
        self.node_width = node_width
        self.edge_width = edge_width
        self.graph_width = self.pooling.width(node_width)
        self.distinct_nodes = distinct_nodes
        self.context = context
        self.skips: nn.ModuleList | None = None
        if stochastic_depth:
            most = max(1, len(self.layers) - 1)
            self.skips = nn.ModuleList(
                LayerSkip(stochastic_depth * number / most) for number in range(len(self.layers))
            )
        self.virtual_nodes: nn.ModuleList | None = None
        if virtual_node != "none":
            self.virtual_nodes = nn.ModuleList(VirtualNode(node_width, virtual_node) for _ in self.layers)

    def forward(self, batch: MoleculeBatch) -> MoleculeOutput:
        """Represent the nodes, edges and molecules of a batch."""
        edges = edges_of(batch)
        if self.context is not None:
            edges = self.context(batch, edges)
        inputs: Distinct = self.node_inputs(batch, edges)
        nodes: Any = inputs if self.distinct_nodes else inputs.expand()
        bonds = None if self.edge_inputs is None else self.edge_inputs(batch)
        state: Tensor | None = None
        for number, layer in enumerate(self.layers):
            before = nodes, bonds
            nodes, bonds = layer(nodes, bonds, edges)
            if self.skips is not None:
                nodes, bonds = self.skips[number](before, (nodes, bonds), batch)
            if self.virtual_nodes is not None:
                nodes, state = self.virtual_nodes[number](nodes, state, batch)
        return MoleculeOutput(nodes, bonds if self.edge_width else None, self.pooling(nodes, batch))
