"""PNA: principal neighbourhood aggregation, several aggregators times several scalers of the degree.

    m_uv = W_v h_v + W_u h_u + W_e e_uv
    a_v = [mean, max, min, std] of m_uv over the neighbours u of v
    h_v' = U [h_v, a_v, a_v log(d_v + 1) / δ, a_v δ / log(d_v + 1)]

with the degree d. Each layer is followed by normalisation, activation and dropout, and by a residual connection.

Source: Corso et al. 2020 (arXiv 2004.05718), in the form of PyTorch Geometric's PNAConv with one tower and one linear layer before and after.
Differs from the paper: δ, the mean of log(d + 1), is that of drug-like molecules, not of the training set; an atom without neighbours has
zeros for its aggregates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.core.options import later
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.distinct import Distinct
from hooke.nn.graphs.encoder import MoleculeEncoder
from hooke.nn.graphs.inputs import EdgeInputs, NodeInputs
from hooke.nn.graphs.isomorphism import Residual
from hooke.nn.graphs.pooling import PoolingKind, VirtualNodeKind
from hooke.nn.graphs.segment import Edges, at_destination, at_source, incoming_sum
from hooke.nn.linear import Linear
from hooke.nn.mlp import Activation, Normalisation

MEAN_LOG_DEGREE = 1.122  # of the heavy atoms of 1,000 molecules of ZINC (zinc250k_jtvae_valid)
_EPSILON = 1e-5
_AGGREGATES, _SCALERS = 4, 3


@dataclass(frozen=True)
class Config:
    """Sizes and choices of PNA."""

    width: int = 96  # of the nodes
    depth: int = 4  # layers
    edge_width: int = 32  # of the bonds after the pre-layers
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
    "tiny": Config(width=32, edge_width=16, depth=3),
    "small": Config(width=80, depth=4),
    "medium": Config(width=256, edge_width=64, depth=6),
    "large": Config(width=512, edge_width=128, depth=12),
    "xl": Config(width=1024, edge_width=256, depth=16),
}


class Layer(nn.Module):
    """One PNA layer; `own`, `sender` and `edge` are W_v, W_u and W_e, `update` is U."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.own = Linear(width, width)
        self.sender = Linear(width, width, bias=False)
        self.edge = Linear(config.edge_width, width, bias=False)
        self.update = Linear((1 + _AGGREGATES * _SCALERS) * width, width)
        self.after = Residual(width, config.normalisation, config.activation, config.dropout, add=config.residual)

    def forward(
        self, nodes: Float[Tensor, "nodes width"], bonds: Distinct, edges: Edges
    ) -> tuple[Float[Tensor, "nodes width"], Distinct]:
        """New node states; the bonds stay as they are."""
        messages = at_destination(self.own(nodes), edges) + at_source(self.sender(nodes), edges)
        messages = messages + bonds.map(self.edge).expand()
        degree = edges.degree.to(nodes.dtype)[:, None]
        scale = degree.log1p() / MEAN_LOG_DEGREE
        around = torch.cat([*_aggregates(messages, edges, degree)], dim=1)
        scaled = [around, around * scale, around / scale.clamp(min=_EPSILON)]
        return self.after(nodes, self.update(torch.cat([nodes, *scaled], dim=1))), bonds


def _aggregates(
    messages: Float[Tensor, "edges width"], edges: Edges, degree: Float[Tensor, "nodes 1"]
) -> list[Float[Tensor, "nodes width"]]:
    """Mean, maximum, minimum and standard deviation of what arrives at each node; zeros where nothing does."""
    count, some = degree.clamp(min=1), degree > 0
    mean = incoming_sum(messages, edges) / count
    spread = incoming_sum((messages - at_destination(mean, edges)).square(), edges) / count
    largest, smallest = (
        sign * torch.segment_reduce(sign * messages, "max", offsets=edges.offsets, axis=0) for sign in (1, -1)
    )
    found = [mean, largest, smallest, (spread + _EPSILON).sqrt()]
    return [rows.where(some, 0) for rows in found]


class Model(MoleculeEncoder):
    """PNA encoder with pooling."""

    def __init__(self, config: Config, spec: MoleculeSpec = MoleculeSpec()) -> None:
        super().__init__(
            node_inputs=NodeInputs(config, spec.encodings),
            edge_inputs=EdgeInputs(config, config.edge_width),
            layers=[Layer(config) for _ in range(config.depth)],
            pooling=config.pooling,
            virtual_node=config.virtual_node,
            stochastic_depth=config.stochastic_depth,
            node_width=config.width,
        )
