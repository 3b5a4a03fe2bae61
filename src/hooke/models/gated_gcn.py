"""GatedGCN: residual gated graph convolutions with an edge stream.

    e_uv' = C e_uv + D h_v + E h_u
    h_v'  = A h_v + Σ_{u ∈ N(v)} σ(e_uv') ⊙ B h_u / (Σ_{u ∈ N(v)} σ(e_uv') + ε)

for each directed edge u→v, with the logistic σ. Nodes and edges are each followed by normalisation, activation and
dropout, and by a residual connection.

Source: Bresson and Laurent 2018 (arXiv 1711.07553), with the normalised gates and the edge stream of Dwivedi et al. 2020
(arXiv 2003.00982).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from hooke.core.options import later
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.distinct import Distinct, expanded
from hooke.nn.graphs.encoder import MoleculeEncoder
from hooke.nn.graphs.inputs import EdgeInputs, NodeInputs
from hooke.nn.graphs.isomorphism import Residual
from hooke.nn.graphs.pooling import PoolingKind, VirtualNodeKind
from hooke.nn.graphs.segment import Edges, at_destination, at_source, incoming_sum
from hooke.nn.linear import Linear
from hooke.nn.mlp import Activation, Normalisation

GATE_EPSILON = 1e-6


@dataclass(frozen=True)
class Config:
    """Sizes and choices of GatedGCN."""

    width: int = 96  # of the nodes and edges
    depth: int = 4  # layers
    embedding_width: int = 64  # of the sum of the code embeddings
    encoding_width: int = 32  # of the encoded encodings
    pre_layers: int = 1  # linear layers before the first message
    dropout: float = 0.0
    activation: Activation = "relu"
    normalisation: Normalisation = "layer"
    residual: bool = True
    pooling: PoolingKind = "mean"
    virtual_node: VirtualNodeKind = later("none")  # a node of the whole molecule; how it sums up the others
    stochastic_depth: float = later(
        0.0
    )  # share of molecules that go around the last layer in training, from 0 at the first


PRESETS: dict[str, Config] = {
    "tiny": Config(width=48, depth=3),
    "small": Config(width=96, depth=4),
    "medium": Config(width=320, depth=6),
    "large": Config(width=640, depth=12),
    "xl": Config(width=1280, depth=16),
}


class Layer(nn.Module):
    """One GatedGCN layer; `own`, `message`, `edge`, `to_edge`, `from_edge` are A, B, C, D, E of the equation."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.own = Linear(width, width)
        self.message = Linear(width, width)
        self.edge = Linear(width, width)
        self.to_edge = Linear(width, width)
        self.from_edge = Linear(width, width)
        self.after = Residual(width, config.normalisation, config.activation, config.dropout, add=config.residual)
        self.edge_after = Residual(
            width, config.normalisation, config.activation, config.dropout, add=config.residual, axis="edges"
        )

    def forward(
        self, nodes: Float[Tensor, "nodes width"], bonds: Distinct | Float[Tensor, "edges width"], edges: Edges
    ) -> tuple[Float[Tensor, "nodes width"], Float[Tensor, "edges width"]]:
        """New node and edge states."""
        turned = bonds.map(self.edge).expand() if isinstance(bonds, Distinct) else self.edge(bonds)
        gated = turned + at_destination(self.to_edge(nodes), edges) + at_source(self.from_edge(nodes), edges)
        gates = gated.sigmoid()
        summed = incoming_sum(gates * at_source(self.message(nodes), edges), edges)
        update = self.own(nodes) + summed / (incoming_sum(gates, edges) + GATE_EPSILON)
        return self.after(nodes, update), self.edge_after(expanded(bonds), gated)


class Model(MoleculeEncoder):
    """GatedGCN encoder with pooling."""

    gradient_exempt: ClassVar[Mapping[str, str]] = {
        r"layers\.last\.edge_after\..*": "the edges after the last layer serve edge-level labels only"
    }

    def __init__(self, config: Config, spec: MoleculeSpec = MoleculeSpec()) -> None:
        super().__init__(
            node_inputs=NodeInputs(config, spec.encodings),
            edge_inputs=EdgeInputs(config, config.width),
            layers=[Layer(config) for _ in range(config.depth)],
            pooling=config.pooling,
            virtual_node=config.virtual_node,
            stochastic_depth=config.stochastic_depth,
            node_width=config.width,
            edge_width=config.width,
        )
