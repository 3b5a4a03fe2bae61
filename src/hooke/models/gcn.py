"""GCN: graph convolutional network, blind to the bonds' features.

    h_v' = W Σ_{u ∈ N(v) ∪ {v}} h_u / √((d_u + 1)(d_v + 1)) + b

with the degrees d. Each layer is followed by normalisation, activation and dropout, and by a residual connection.

Source: Kipf and Welling 2017 (arXiv 1609.02907), equation 2.
Differs from the paper: residual connections, as in Graphium's baselines.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from hooke.core.options import later
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.encoder import MoleculeEncoder
from hooke.nn.graphs.inputs import NodeInputs
from hooke.nn.graphs.isomorphism import Residual
from hooke.nn.graphs.pooling import PoolingKind, VirtualNodeKind
from hooke.nn.graphs.segment import Edges, neighbour_sum
from hooke.nn.linear import Linear
from hooke.nn.mlp import Activation, Normalisation


@dataclass(frozen=True)
class Config:
    """Sizes and choices of GCN."""

    width: int = 128  # of the nodes
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
    "tiny": Config(width=64, depth=3),
    "small": Config(width=192, depth=4),
    "medium": Config(width=768, depth=6),
    "large": Config(width=1536, depth=12),
    "xl": Config(width=3072, depth=16),
}


class Layer(nn.Module):
    """One GCN layer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.linear = Linear(config.width, config.width)
        self.after = Residual(
            config.width, config.normalisation, config.activation, config.dropout, add=config.residual
        )

    def forward(
        self, nodes: Float[Tensor, "nodes width"], bonds: None, edges: Edges
    ) -> tuple[Float[Tensor, "nodes width"], None]:
        """New node states."""
        scale = (edges.degree + 1).to(nodes.dtype).rsqrt()[:, None]
        scaled = nodes * scale
        return self.after(nodes, self.linear((neighbour_sum(scaled, edges) + scaled) * scale)), bonds


class Model(MoleculeEncoder):
    """GCN encoder with pooling."""

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
