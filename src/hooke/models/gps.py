"""GPS: a GINE step and global attention side by side in every layer.

    y = Norm(x + Dropout(GINE(x, e))),  z = Norm(x + Dropout(Attention(x)))
    x' = Norm(s + Dropout(MLP(s))),  s = y + z

GINE(x, e)_v = MLP((1 + ε) x_v + Σ_u ReLU(x_u + W e_uv)), ε fixed at 0; the second MLP is twice as wide inside.

Source: Rampášek et al. 2022 (arXiv 2205.12454), as in PyTorch Geometric's GPSConv around its GINEConv, whose outputs this layer
has. Differs from the paper: attention may have a bias by shortest paths (`bias = "paths"`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.attention import Attended, MoleculeAttention
from hooke.nn.graphs.distinct import Distinct
from hooke.nn.graphs.encoder import MoleculeEncoder
from hooke.nn.graphs.inputs import EdgeInputs, NodeInputs
from hooke.nn.graphs.pair_bias import PairContext
from hooke.nn.graphs.pooling import PoolingKind, VirtualNodeKind
from hooke.nn.graphs.rectified import rectified_sum
from hooke.nn.linear import Linear
from hooke.nn.mlp import Activation, Normalisation, mlp, normalisation
from hooke.nn.randomness import ItemDropout


@dataclass(frozen=True)
class Config:
    """Sizes and choices of GPS."""

    width: int = 128  # of the nodes
    depth: int = 4  # layers
    heads: int = 4  # of the attention
    edge_width: int = 64  # of the bonds after the pre-layers
    embedding_width: int = 64  # of the sum of the code embeddings
    encoding_width: int = 32  # of the encoded encodings
    pre_layers: int = 1  # linear layers before the first message
    bias: Literal["none", "paths"] = "none"  # of the attention
    farthest: int = 32  # bonds from which all shortest paths share a bias; 0 is no bias
    dropout: float = 0.0
    attention_dropout: float = 0.0
    activation: Activation = "relu"
    normalisation: Normalisation = "layer"
    pooling: PoolingKind = "mean"
    virtual_node: VirtualNodeKind = "none"  # how a node of the whole molecule sums up the others


PRESETS: dict[str, Config] = {
    "tiny": Config(width=48, depth=2, heads=2, edge_width=32, bias="paths"),
    "small": Config(width=96, depth=4),
    "medium": Config(width=320, depth=8, heads=8),
    "large": Config(width=768, depth=16, heads=16),
    "xl": Config(width=2048, depth=24, heads=32),
}


class Layer(nn.Module):
    """One GPS layer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.edge = Linear(config.edge_width, width)
        self.update = mlp([width, width, width], activation_name=config.activation)
        self.attention = MoleculeAttention(width, config.heads, dropout=config.attention_dropout)
        self.mix = mlp([width, 2 * width, width], activation_name=config.activation, dropout=config.dropout)
        self.dropout = ItemDropout(config.dropout, "nodes")
        self.local_norm = normalisation(config.normalisation, width)
        self.attention_norm = normalisation(config.normalisation, width)
        self.norm = normalisation(config.normalisation, width)

    def forward(
        self, nodes: Float[Tensor, "nodes width"], bonds: Distinct, around: Attended
    ) -> tuple[Float[Tensor, "nodes width"], Distinct]:
        """New node states; the bonds stay as they are."""
        summed = rectified_sum(nodes, self.edge(bonds.rows), bonds.kinds, around)
        local = self.local_norm(nodes + self.dropout(self.update(nodes + summed)))
        found = local + self.attention_norm(nodes + self.dropout(self.attention(nodes, around)))
        return self.norm(found + self.dropout(self.mix(found))), bonds


class Model(MoleculeEncoder):
    """GPS encoder with pooling."""

    def __init__(self, config: Config, spec: MoleculeSpec = MoleculeSpec()) -> None:
        super().__init__(
            node_inputs=NodeInputs(config, spec.encodings),
            edge_inputs=EdgeInputs(config, config.edge_width),
            layers=[Layer(config) for _ in range(config.depth)],
            pooling=config.pooling,
            node_width=config.width,
            virtual_node=config.virtual_node,
            context=PairContext(config.heads, farthest=config.farthest if config.bias == "paths" else 0),
        )
