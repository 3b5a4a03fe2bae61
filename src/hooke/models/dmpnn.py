"""D-MPNN: messages on directed bonds, as in chemprop.

    h⁰_vw = σ(W_i [x_v, e_vw])
    m^t_vw = Σ_{u ∈ N(v) \\ w} h^{t-1}_uv
    h^t_vw = σ(W_i [x_v, e_vw] + W_h m^t_vw),  t = 1 ... depth - 1
    h_v = σ(W_o [x_v, Σ_{w ∈ N(v)} h^{depth-1}_wv])

The first states depend on an atom and a bond alone, so they and their product with W_h are computed once for each different
combination in the batch; W_h is linear, so it may act before the sum over neighbours. On a CPU each different environment of an edge is
computed once at every step (`nn.graphs.environments`), which changes only the order of sums.

Source: Yang et al. 2019 (doi 10.1021/acs.jcim.9b00237); depth, biases and dropout are counted and placed as in chemprop 2.
Differs from chemprop: x and e are learned embeddings of the codes instead of one-hot vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from hooke.core.options import later
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs import environments
from hooke.nn.graphs.distinct import Distinct, at_edges
from hooke.nn.graphs.embeddings import BondEmbedding
from hooke.nn.graphs.encoder import MoleculeEncoder
from hooke.nn.graphs.inputs import NodeFeatures
from hooke.nn.graphs.pooling import PoolingKind, VirtualNodeKind
from hooke.nn.graphs.segment import Edges, directed_messages, incoming_sum
from hooke.nn.linear import Linear, linear
from hooke.nn.mlp import Activation, activation
from hooke.nn.randomness import ItemDropout


@dataclass(frozen=True)
class Config:
    """Sizes and choices of D-MPNN."""

    width: int = 300  # of the states of directed edges, and of the nodes
    depth: int = 3  # as chemprop counts: depth - 1 exchanges of messages, then the sum into the nodes
    embedding_width: int = 64  # of the sum of the atom-code embeddings
    bond_width: int = 16  # of the sum of the bond-code embeddings
    encoding_width: int = 32  # of the encoded encodings
    bias: bool = False  # in W_i and W_h
    dropout: float = 0.0
    activation: Activation = "relu"
    pooling: PoolingKind = "scaled_sum"
    virtual_node: VirtualNodeKind = later("none")  # a node of the whole molecule; how it sums up the others


PRESETS: dict[str, Config] = {
    "tiny": Config(width=100, depth=3),
    "small": Config(width=300, depth=3),
    "medium": Config(width=800, depth=4),
    "large": Config(width=2048, depth=5),
    "xl": Config(width=4096, depth=6),
}


class DirectedMessagePassing(nn.Module):
    """All of D-MPNN between the embeddings and the pooling."""

    def __init__(self, config: Config, node_features: int) -> None:
        super().__init__()
        width = config.width
        self.depth = config.depth
        self.input_node = Linear(node_features, width, bias=False)
        self.input_bond = Linear(config.bond_width, width, bias=config.bias)
        self.hidden = Linear(width, width, bias=config.bias)
        self.output_node = Linear(node_features, width)
        self.output_message = Linear(width, width, bias=False)
        self.activation = activation(config.activation)
        self.edge_dropout = ItemDropout(config.dropout, "edges")
        self.dropout = ItemDropout(config.dropout, "nodes")

    def forward(
        self, nodes: Distinct, bonds: Distinct, edges: Edges
    ) -> tuple[Float[Tensor, "nodes width"], environments.Shared | Float[Tensor, "edges width"]]:
        """Node states and the last states of the directed edges."""
        if environments.applies(nodes, bonds):
            return self.by_environments(nodes, bonds, edges)
        return self.by_edges(nodes, bonds, edges)

    def by_edges(
        self, nodes: Distinct, bonds: Distinct, edges: Edges
    ) -> tuple[Float[Tensor, "nodes width"], Float[Tensor, "edges width"]]:
        """Each edge by itself: what `by_environments` must equal."""
        start = at_edges(nodes.map(self.input_node), bonds.map(self.input_bond), edges)
        states = start.map(self.activation)
        first = start.expand()
        if self.depth > 1:
            turned = states.map(lambda rows: linear(rows, self.hidden.weight)).expand()
            update = first + directed_messages(turned, edges)
            if self.hidden.bias is not None:
                update = update + self.hidden.bias
            current = self.edge_dropout(self.activation(update))
        else:
            current = states.expand()
        for _ in range(2, self.depth):
            messages = directed_messages(current, edges)
            update = first + self.hidden(messages)
            current = self.edge_dropout(self.activation(update))
        arrived = incoming_sum(current, edges)
        own = nodes.map(self.output_node).expand()
        return self.dropout(self.activation(own + self.output_message(arrived))), current

    def by_environments(
        self, nodes: Distinct, bonds: Distinct, edges: Edges
    ) -> tuple[Float[Tensor, "nodes width"], environments.Shared]:
        """Each environment once; dropout of edges draws for each edge, so that then only the first states are shared."""
        row_sums = environments.row_sums
        classes = environments.environments(nodes, bonds, edges, self.depth - 1, distinct=not self.edge_dropout.draws())
        first = row_sums(self.input_node(nodes.rows), self.input_bond(bonds.rows), classes.first)
        states = self.activation(first)
        if self.hidden.bias is not None:
            first = first + self.hidden.bias
        for exchange in classes.exchanges:
            turned = linear(states, self.hidden.weight)
            states = self.edge_dropout(self._activated(first, turned, exchange))
        arrived = self.output_message(row_sums(None, states, classes.nodes))
        each = np.arange(len(arrived))
        own = self._activated(
            self.output_node(nodes.rows), arrived, environments.Lists.single(classes.nodes.places, each)
        )
        rows = environments.Shared(own, classes.of_node).expand()
        return self.dropout(rows), environments.Shared(states, classes.of_edge)

    def _activated(self, base: Tensor, rows: Tensor, lists: environments.Lists) -> Tensor:
        if isinstance(self.activation, nn.ReLU):
            return environments.row_sums(base, rows, lists, rectify=True)
        return self.activation(environments.row_sums(base, rows, lists))


class Model(MoleculeEncoder):
    """D-MPNN encoder with pooling."""

    def __init__(self, config: Config, spec: MoleculeSpec = MoleculeSpec()) -> None:
        features = NodeFeatures(config.embedding_width, config.encoding_width, spec.encodings)
        super().__init__(
            node_inputs=features,
            edge_inputs=BondEmbedding(config.bond_width),
            layers=[DirectedMessagePassing(config, features.width)],
            pooling=config.pooling,
            virtual_node=config.virtual_node,
            node_width=config.width,
            edge_width=config.width,
            distinct_nodes=True,
        )
