"""GPS: a step of local message passing and global attention side by side in every layer.

    y = Norm(x + Dropout(GINE(x, e))),  z = Norm(x + Dropout(Attention(x)))
    x' = Norm(s + Dropout(MLP(s))),  s = y + z

GINE(x, e)_v = MLP((1 + ε) x_v + Σ_u ReLU(x_u + W e_uv)), ε fixed at 0; the second MLP is twice as wide inside. With `local` the layer of
another model takes the place of GINE: "gated_gcn" and "mpnn", which also change the edges, e' = e + Dropout(change), or "pna".

Source: Rampášek et al. 2022 (arXiv 2205.12454), as in PyTorch Geometric's GPSConv around its GINEConv, whose outputs this layer
has. Differs from the paper: attention may have a bias by shortest paths (`bias = "paths"`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from jaxtyping import Float
from torch import Tensor, nn

from hooke.core import registry
from hooke.core.options import later
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.attention import Attended, MoleculeAttention
from hooke.nn.graphs.distinct import expanded
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
    local: Literal["gine", "gated_gcn", "mpnn", "pna"] = later("gine")  # message passing
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
    stochastic_depth: float = later(
        0.0
    )  # share of molecules that go around the last layer in training, from 0 at the first


PRESETS: dict[str, Config] = {
    "tiny": Config(width=48, depth=2, heads=2, edge_width=32, bias="paths"),
    "small": Config(width=96, depth=4),
    "medium": Config(width=320, depth=8, heads=8),
    "large": Config(width=768, depth=16, heads=16),
    "xl": Config(width=2048, depth=24, heads=32),
}


def local_step(config: Config) -> tuple[nn.Module, int]:
    """The layer of another model without its own residual connection and dropout, and the width of its edge stream; 0 without one."""
    module = registry.module("models", config.local)
    options = {name: getattr(config, name) for name in ("width", "activation", "normalisation")}
    if config.local != "gated_gcn":
        options["edge_width"] = config.edge_width
    step = module.Layer(module.Config(**options, residual=False))
    return step, {"gated_gcn": config.width, "mpnn": config.edge_width}.get(config.local, 0)


class Layer(nn.Module):
    """One GPS layer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.local: nn.Module | None = None
        self.edge_stream = 0
        if config.local == "gine":
            self.edge = Linear(config.edge_width, width)
            self.update = mlp([width, width, width], activation_name=config.activation)
        else:
            self.local, self.edge_stream = local_step(config)
        if self.edge_stream:
            self.edge_dropout = ItemDropout(config.dropout, "edges")
        self.attention = MoleculeAttention(width, config.heads, dropout=config.attention_dropout)
        self.mix = mlp([width, 2 * width, width], activation_name=config.activation, dropout=config.dropout)
        self.dropout = ItemDropout(config.dropout, "nodes")
        self.local_norm = normalisation(config.normalisation, width)
        self.attention_norm = normalisation(config.normalisation, width)
        self.norm = normalisation(config.normalisation, width)

    def forward(
        self, nodes: Float[Tensor, "nodes width"], bonds: Any, around: Attended
    ) -> tuple[Float[Tensor, "nodes width"], Any]:
        """New node states, and edge states where there is a stream of them."""
        if self.local is None:
            summed = rectified_sum(nodes, self.edge(bonds.rows), bonds.kinds, around)
            update = self.update(nodes + summed)
        else:
            update, change = self.local(nodes, bonds, around)
            if self.edge_stream:
                bonds = expanded(bonds) + self.edge_dropout(change)
        local = self.local_norm(nodes + self.dropout(update))
        found = local + self.attention_norm(nodes + self.dropout(self.attention(nodes, around)))
        return self.norm(found + self.dropout(self.mix(found))), bonds


class Model(MoleculeEncoder):
    """GPS encoder with pooling."""

    def __init__(self, config: Config, spec: MoleculeSpec = MoleculeSpec()) -> None:
        layers = [Layer(config) for _ in range(config.depth)]
        stream = layers[0].edge_stream if layers else 0
        super().__init__(
            node_inputs=NodeInputs(config, spec.encodings),
            edge_inputs=EdgeInputs(config, stream or config.edge_width),
            layers=layers,
            pooling=config.pooling,
            node_width=config.width,
            edge_width=stream,
            virtual_node=config.virtual_node,
            stochastic_depth=config.stochastic_depth,
            context=PairContext(config.heads, farthest=config.farthest if config.bias == "paths" else 0),
        )
