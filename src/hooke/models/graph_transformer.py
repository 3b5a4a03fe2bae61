"""A graph Transformer: attention among all atoms, with pairwise biases from shortest paths and bonds.

    x ← x + Dropout(Attention(LN x, b)),  x ← x + Dropout(MLP(LN x)),  and LN at the end
    b_vu = E[shortest path(v, u)] + E[codes of the bond v-u, if there is one]

one number a head, shared by all layers. Degrees are part of the atom embedding; random-walk and other encodings are concatenated to
it (`[encodings]`).

Source: Graphormer, Ying et al. 2021 (arXiv 2106.05234). Differs from it: bonds count for the two atoms they join, not along the whole
path; molecules are pooled, without a node of their own (`virtual_node` adds one).
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from hooke.core.options import later
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.attention import Attended, MoleculeAttention
from hooke.nn.graphs.encoder import MoleculeEncoder
from hooke.nn.graphs.inputs import NodeInputs
from hooke.nn.graphs.pair_bias import PairContext
from hooke.nn.graphs.pooling import PoolingKind, VirtualNodeKind
from hooke.nn.mlp import Activation, mlp
from hooke.nn.randomness import ItemDropout


@dataclass(frozen=True)
class Config:
    """Sizes and choices of the graph Transformer."""

    width: int = 128  # of the nodes
    depth: int = 6  # layers
    heads: int = 8
    expansion: int = 2  # hidden width of the MLPs over the width
    farthest: int = 32  # bonds from which all shortest paths share a bias
    embedding_width: int = 64  # of the sum of the code embeddings
    encoding_width: int = 32  # of the encoded encodings
    pre_layers: int = 1  # linear layers before the first attention
    dropout: float = 0.0
    attention_dropout: float = 0.0
    activation: Activation = "gelu"
    pooling: PoolingKind = "mean"
    virtual_node: VirtualNodeKind = "none"  # how a node of the whole molecule sums up the others
    stochastic_depth: float = later(
        0.0
    )  # share of molecules that go around the last layer in training, from 0 at the first


PRESETS: dict[str, Config] = {
    "tiny": Config(width=48, depth=3, heads=2),
    "small": Config(width=96, depth=6),
    "medium": Config(width=384, depth=12, heads=16),
    "large": Config(width=768, depth=24, heads=32),
    "xl": Config(width=2048, depth=30, heads=32),
}


class Layer(nn.Module):
    """One layer; the last one normalises what it returns."""

    def __init__(self, config: Config, *, last: bool) -> None:
        super().__init__()
        width = config.width
        self.attention_norm = nn.LayerNorm(width)
        self.attention = MoleculeAttention(width, config.heads, dropout=config.attention_dropout)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = mlp(
            [width, config.expansion * width, width], activation_name=config.activation, dropout=config.dropout
        )
        self.dropout = ItemDropout(config.dropout, "nodes")
        self.norm = nn.LayerNorm(width) if last else nn.Identity()

    def forward(
        self, nodes: Float[Tensor, "nodes width"], bonds: None, around: Attended
    ) -> tuple[Float[Tensor, "nodes width"], None]:
        """New node states."""
        nodes = nodes + self.dropout(self.attention(self.attention_norm(nodes), around))
        return self.norm(nodes + self.dropout(self.mlp(self.mlp_norm(nodes)))), bonds


class Model(MoleculeEncoder):
    """Graph Transformer encoder with pooling."""

    def __init__(self, config: Config, spec: MoleculeSpec = MoleculeSpec()) -> None:
        super().__init__(
            node_inputs=NodeInputs(config, spec.encodings),
            edge_inputs=None,
            layers=[Layer(config, last=number == config.depth - 1) for number in range(config.depth)],
            pooling=config.pooling,
            node_width=config.width,
            virtual_node=config.virtual_node,
            stochastic_depth=config.stochastic_depth,
            context=PairContext(config.heads, farthest=config.farthest, bonds=True),
        )
