"""GINE: graph isomorphism network with edge features.

    h_v' = MLP((1 + ε) h_v + Σ_{u ∈ N(v)} ReLU(h_u + W e_uv))

Each layer is followed by normalisation, activation and dropout, and by a residual connection.

Source: Hu et al. 2020 (arXiv 1905.12265), in the form of PyTorch Geometric's GINEConv.
Differs from the paper: residual connections, as in Graphium's baselines.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.molecules.encodings import EncodingConfig
from hooke.nn.distinct import Distinct
from hooke.nn.encoder import MoleculeEncoder
from hooke.nn.inputs import EdgeInputs, NodeInputs
from hooke.nn.mlp import Activation, Normalisation, mlp
from hooke.nn.pooling import PoolingKind
from hooke.nn.residual import Residual
from hooke.nn.segment import Edges, at_source, incoming_sum


@dataclass(frozen=True)
class Config:
    """Sizes and choices of GINE."""

    width: int = 128  # of the nodes
    depth: int = 4  # layers
    edge_width: int = 64  # of the bond embedding
    embedding_width: int = 64  # of the sum of the code embeddings
    encoding_width: int = 32  # of the encoded encodings
    pre_layers: int = 1  # linear layers before the first message
    mlp_layers: int = 2  # linear layers in the update of a layer
    dropout: float = 0.0
    activation: Activation = "relu"
    normalisation: Normalisation = "layer"
    residual: bool = True
    pooling: PoolingKind = "mean"


PRESETS: dict[str, Config] = {
    "tiny": Config(width=64, depth=3),
    "small": Config(width=128, depth=4),
    "medium": Config(width=384, depth=6),
    "large": Config(width=768, depth=8),
    "xl": Config(width=2048, depth=12),
}


class Layer(nn.Module):
    """One GINE layer; ε is learned and starts at 0."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.epsilon = nn.Parameter(torch.zeros(()))
        self.edge = nn.Linear(config.edge_width, config.width)
        self.update = mlp([config.width] * (config.mlp_layers + 1), activation_name=config.activation)
        self.after = Residual(config.width, config.normalisation, config.activation, config.dropout, add=config.residual)

    def forward(self, nodes: Tensor | Distinct, bonds: Distinct, edges: Edges) -> tuple[Float[Tensor, "nodes width"], Distinct]:
        """New node states; the bonds stay as they are."""
        states = nodes.expand() if isinstance(nodes, Distinct) else nodes
        messages = torch.relu(at_source(states, edges) + bonds.map(self.edge).expand())
        summed = (1 + self.epsilon) * states + incoming_sum(messages, edges)
        return self.after(states, self.update(summed)), bonds


class Model(MoleculeEncoder):
    """GINE encoder with pooling."""

    def __init__(self, config: Config, encodings: EncodingConfig = EncodingConfig()) -> None:  # noqa: B008
        super().__init__(
            node_inputs=NodeInputs(
                config.width,
                encodings,
                embedding_width=config.embedding_width,
                encoding_width=config.encoding_width,
                layers=config.pre_layers,
                activation=config.activation,
            ),
            edge_inputs=EdgeInputs(
                config.edge_width, embedding_width=config.edge_width, layers=0, activation=config.activation
            ),
            layers=[Layer(config) for _ in range(config.depth)],
            pooling=config.pooling,
            node_width=config.width,
        )
