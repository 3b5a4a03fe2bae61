"""GIN: graph isomorphism network, blind to the bonds' features.

    h_v' = MLP((1 + ε) h_v + Σ_{u ∈ N(v)} h_u)

Each layer is followed by normalisation, activation and dropout, and by a residual connection.

Source: Xu et al. 2019 (arXiv 1810.00826), equation 4.1.
Differs from the paper: residual connections, as in Graphium's baselines; the last layer alone is pooled.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from hooke.core.options import later
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.encoder import MoleculeEncoder
from hooke.nn.graphs.inputs import NodeInputs
from hooke.nn.graphs.isomorphism import IsomorphismUpdate
from hooke.nn.graphs.pooling import PoolingKind, VirtualNodeKind
from hooke.nn.graphs.segment import Edges, neighbour_sum
from hooke.nn.mlp import Activation, Normalisation


@dataclass(frozen=True)
class Config:
    """Sizes and choices of GIN."""

    width: int = 128  # of the nodes
    depth: int = 4  # layers
    embedding_width: int = 64  # of the sum of the code embeddings
    encoding_width: int = 32  # of the encoded encodings
    pre_layers: int = 1  # linear layers before the first message
    mlp_layers: int = 2  # linear layers in each update
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
    "tiny": Config(width=64, depth=3),
    "small": Config(width=128, depth=4),
    "medium": Config(width=512, depth=6),
    "large": Config(width=1024, depth=12),
    "xl": Config(width=2048, depth=16),
}


class Layer(nn.Module):
    """One GIN layer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.update = IsomorphismUpdate(
            config.width,
            mlp_layers=config.mlp_layers,
            normalisation=config.normalisation,
            activation=config.activation,
            dropout=config.dropout,
            residual=config.residual,
        )

    def forward(
        self, nodes: Float[Tensor, "nodes width"], bonds: None, edges: Edges
    ) -> tuple[Float[Tensor, "nodes width"], None]:
        """New node states."""
        return self.update(nodes, neighbour_sum(nodes, edges)), bonds


class Model(MoleculeEncoder):
    """GIN encoder with pooling."""

    def __init__(self, config: Config, spec: MoleculeSpec = MoleculeSpec()) -> None:
        super().__init__(
            node_inputs=NodeInputs(config, spec.encodings),
            edge_inputs=None,
            layers=[Layer(config) for _ in range(config.depth)],
            pooling=config.pooling,
            virtual_node=config.virtual_node,
            stochastic_depth=config.stochastic_depth,
            node_width=config.width,
        )
