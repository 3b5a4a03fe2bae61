"""GPSE: a deep encoder of structure alone, from random node features.

    h_v' = h_v + Dropout(ReLU(BN(W_1 h_v + mean_u η_vu ⊙ W_2 h_u))),  η_vu = σ(W_3 h_v + W_4 h_u)

over the neighbours u of v and the virtual node of its molecule, which starts from zeros and is a neighbour of all atoms.
Atoms have 20 random features from a normal distribution, nothing else: what comes out is a positional and structural encoding,
which no symmetric pair of atoms shares.

The random features are drawn anew in each training step. In evaluation an atom's features depend on its number in the molecule, so
that a molecule has the same encoding in every batch; the node encoding "random_features" overrides both.

Source: Cantürk et al. 2024 (arXiv 2307.07107), the encoder of its pretraining on MolPCBA; layers: Bresson and Laurent 2018 (arXiv
1711.07553). Differs from it: evaluation draws fixed features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.molecule_model import MoleculeModel
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.graphs.pooling import Pooling, PoolingKind
from hooke.nn.graphs.segment import Edges, at_destination, at_graph, at_source, edges_of, graph_sum, incoming_sum
from hooke.nn.mlp import RowBatchNorm
from hooke.nn.randomness import ItemDropout, ItemRandom

RANDOM_FEATURES, RANDOM_WIDTH = "random_features", 20
_FIXED_ROWS = 1024  # atoms with fixed features of their own; larger molecules use them again


@dataclass(frozen=True)
class Config:
    """Sizes of GPSE; the defaults are the published ones."""

    width: int = 512
    depth: int = 20  # layers
    dropout: float = 0.2
    pooling: PoolingKind = "mean"


PRESETS: dict[str, Config] = {
    "tiny": Config(width=32, depth=3, dropout=0.0),
    "small": Config(width=64, depth=10, dropout=0.1),
    "published": Config(),
    "large": Config(width=1536),
    "xl": Config(width=3584),
}


class RandomFeatures(ItemRandom):
    """The random features of each atom."""

    fixed: Tensor

    def __init__(self) -> None:
        super().__init__("nodes")
        rows = torch.randn(
            _FIXED_ROWS, RANDOM_WIDTH, generator=torch.Generator(device="cpu").manual_seed(0), device="cpu"
        )
        self.register_buffer("fixed", rows, persistent=False)

    def forward(self, batch: MoleculeBatch) -> Float[Tensor, "nodes features"]:
        """Those of the batch if it has any, new ones in training, fixed ones in evaluation."""
        if RANDOM_FEATURES in batch.node_encodings:
            return batch.node_encodings[RANDOM_FEATURES].to(self.fixed.dtype)
        if self.training:
            return self.normal(batch.num_nodes, RANDOM_WIDTH, self.fixed)
        numbers = torch.arange(batch.num_nodes, device=self.fixed.device)
        return self.fixed[(numbers - batch.node_offsets[batch.node_graph]) % _FIXED_ROWS]


class Layer(nn.Module):
    """One residual gated layer over atoms and virtual nodes; `own`, `message`, `to_gate`, `from_gate` are W_1 ... W_4."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.own = nn.Linear(width, width)
        self.message = nn.Linear(width, width, bias=False)
        self.to_gate = nn.Linear(width, width)
        self.from_gate = nn.Linear(width, width, bias=False)
        self.norm = RowBatchNorm(width)
        self.dropout = ItemDropout(config.dropout, "nodes and graphs")

    def forward(
        self, states: Float[Tensor, "all_nodes width"], edges: Edges, batch: MoleculeBatch
    ) -> Float[Tensor, "all_nodes width"]:
        """New states; the virtual nodes stand after the atoms."""
        split = [batch.num_nodes, batch.num_graphs]
        message, virtual_message = self.message(states).split(split)
        to, virtual_to = self.to_gate(states).split(split)
        from_, virtual_from = self.from_gate(states).split(split)
        gates = (at_destination(to, edges) + at_source(from_, edges)).sigmoid()
        heard = incoming_sum(gates * at_source(message, edges), edges)
        heard = heard + (to + at_graph(virtual_from, batch)).sigmoid() * at_graph(virtual_message, batch)
        heard = heard / (edges.degree + 1).to(heard.dtype)[:, None]
        told = graph_sum((at_graph(virtual_to, batch) + from_).sigmoid() * message, batch)
        told = told / batch.node_offsets.diff().to(told.dtype)[:, None]
        update = self.norm(self.own(states) + torch.cat([heard, told]))
        return states + self.dropout(update.relu())


class Model(MoleculeModel):
    """GPSE encoder with pooling; encodings that the molecules carry are not read."""

    extra_encodings: ClassVar[Mapping[str, int]] = {RANDOM_FEATURES: RANDOM_WIDTH}

    def __init__(self, config: Config, spec: MoleculeSpec = MoleculeSpec()) -> None:
        super().__init__()
        self.features = RandomFeatures()
        self.start = nn.Linear(RANDOM_WIDTH, config.width)
        self.start_norm = RowBatchNorm(config.width)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.depth))
        self.pooling = Pooling(config.pooling)
        self.node_width, self.graph_width = config.width, self.pooling.width(config.width)
        self.edge_width = 0

    def forward(self, batch: MoleculeBatch) -> MoleculeOutput:
        """Encode the nodes and molecules of a batch."""
        edges, features = edges_of(batch), self.features(batch)
        features = torch.cat([features, features.new_zeros(batch.num_graphs, RANDOM_WIDTH)])
        states = self.start_norm(self.start(features)).relu()
        for layer in self.layers:
            states = layer(states, edges, batch)
        nodes = states[: batch.num_nodes]
        return MoleculeOutput(nodes, None, self.pooling(nodes, batch))
