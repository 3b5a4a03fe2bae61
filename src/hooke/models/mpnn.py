"""MPNN++: message passing with a node and an edge stream, as in Graphium.

    e_uv' = MLP_e([h_v, h_u, e_uv])
    h_v'  = MLP_n([h_v, Σ_{u ∈ N(v)} e_uv', Σ_{u ∈ N(v)} e_vu', Σ_{u ∈ N(v)} h_u])

for each directed edge u→v, with two linear layers in each MLP, normalised inside, dropout after, and residual
connections on both streams.

Source: the MPNN block of GPS++ (arXiv 2212.02229, section 4.2) without its global state, which is Graphium's MPNNPlus.
Differs from Graphium: the sum of the neighbours enters once; there the two sums over incoming senders and over outgoing
receivers, which are equal on molecules, enter twice. The first edge layer acts on the nodes before they are gathered,
which is the same function for less work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.core.options import later
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.distinct import Distinct, expanded
from hooke.nn.graphs.encoder import MoleculeEncoder
from hooke.nn.graphs.inputs import EdgeInputs, NodeInputs
from hooke.nn.graphs.pooling import PoolingKind, VirtualNodeKind
from hooke.nn.graphs.segment import Edges, at_destination, at_source, incoming_sum, neighbour_sum, outgoing_sum
from hooke.nn.linear import linear
from hooke.nn.mlp import Activation, Normalisation, mlp
from hooke.nn.randomness import ItemDropout


@dataclass(frozen=True)
class Config:
    """Sizes and choices of MPNN++."""

    width: int = 96  # of the nodes
    edge_width: int = 32  # of the edges
    depth: int = 4  # layers
    expansion: int = 2  # hidden width of each MLP over its output width
    embedding_width: int = 64  # of the sum of the code embeddings
    encoding_width: int = 32  # of the encoded encodings
    pre_layers: int = 2  # linear layers before the first message
    dropout: float = 0.0  # of the nodes
    edge_dropout: float = 0.0
    activation: Activation = "gelu"
    normalisation: Normalisation = "layer"
    residual: bool = True
    pooling: PoolingKind = "sum"
    virtual_node: VirtualNodeKind = later("none")  # a node of the whole molecule; how it sums up the others
    stochastic_depth: float = later(
        0.0
    )  # share of molecules that go around the last layer in training, from 0 at the first


PRESETS: dict[str, Config] = {
    "tiny": Config(width=48, edge_width=16, depth=3),
    "small": Config(width=96, edge_width=32, depth=4),
    "medium": Config(width=256, edge_width=128, depth=6, expansion=4),
    "large": Config(width=512, edge_width=256, depth=12, expansion=4),
    "xl": Config(width=1024, edge_width=512, depth=16, expansion=4),
}


class Layer(nn.Module):
    """One MPNN++ layer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.residual = config.residual
        self.edge_mlp = mlp(
            [2 * config.width + config.edge_width, config.expansion * config.edge_width, config.edge_width],
            activation_name=config.activation,
            normalisation_name=config.normalisation,
        )
        self.node_mlp = mlp(
            [2 * config.width + 2 * config.edge_width, config.expansion * config.width, config.width],
            activation_name=config.activation,
            normalisation_name=config.normalisation,
        )
        self.edge_dropout = ItemDropout(config.edge_dropout, "edges")
        self.dropout = ItemDropout(config.dropout, "nodes")

    def forward(
        self, nodes: Float[Tensor, "nodes width"], bonds: Distinct | Float[Tensor, "edges edge_width"], edges: Edges
    ) -> tuple[Float[Tensor, "nodes width"], Float[Tensor, "edges edge_width"]]:
        """New node and edge states."""
        width = nodes.shape[1]
        first: Any = self.edge_mlp[0]
        rest = self.edge_mlp[1:]
        to_edge, from_edge, own = first.weight.split([width, width, first.in_features - 2 * width], dim=1)
        bonds = bonds if isinstance(bonds, Distinct) else Distinct(bonds)
        hidden = at_destination(linear(nodes, to_edge), edges) + at_source(linear(nodes, from_edge), edges)
        hidden = hidden + bonds.map(lambda rows: linear(rows, own, first.bias)).expand()
        change = self.edge_dropout(rest(hidden))
        messages = [incoming_sum(change, edges), outgoing_sum(change, edges), neighbour_sum(nodes, edges)]
        update = self.dropout(self.node_mlp(torch.cat([nodes, *messages], dim=1)))
        if not self.residual:
            return update, change
        return nodes + update, expanded(bonds) + change


class Model(MoleculeEncoder):
    """MPNN++ encoder with pooling."""

    def __init__(self, config: Config, spec: MoleculeSpec = MoleculeSpec()) -> None:
        super().__init__(
            node_inputs=NodeInputs(config, spec.encodings),
            edge_inputs=EdgeInputs(config, config.edge_width),
            layers=[Layer(config) for _ in range(config.depth)],
            pooling=config.pooling,
            virtual_node=config.virtual_node,
            stochastic_depth=config.stochastic_depth,
            node_width=config.width,
            edge_width=config.edge_width,
        )
