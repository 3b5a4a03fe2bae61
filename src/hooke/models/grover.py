"""GROVER: message passing inside the attention of a Transformer, on atoms and on bonds, with four outputs.

A block on states x (of atoms, or of directed bonds):

    q_i, k_i, v_i = MPN_q,i(x), MPN_k,i(x), MPN_v,i(x)  for each head i
    x ← LN(x + Dropout(W_o Attention(q, k, v)))

where MPN runs h ← σ(h_0 + W m(h)) a random number of times in training (dynamic depth). The four outputs join the features of
an atom or bond with what it gathers from the atom states and from the bond states:

    atoms: LN(FFN([x_v, Σ_u n_u])), LN(FFN([x_v, Σ_u e_uv]));  bonds: LN(FFN([x_uv, n_u + n_v])), LN(FFN([x_uv, Σ_w e_wu]))

They are two views, from atoms and from bonds, side by side in the columns of the output.

Source: Rong et al. 2020 (arXiv 2007.02835). Where paper and code differ, as in the code: attention runs over the heads within an atom
or bond, so it costs no pairs of atoms and no other atom matters to it. Differs from both: features are learned embeddings of codes;
depth is drawn for each MPN by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.attention import head_width, join_heads, split_heads
from hooke.nn.graphs.embeddings import BondEmbedding
from hooke.nn.graphs.inputs import NodeFeatures
from hooke.nn.graphs.molecule_model import MoleculeModel
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.graphs.pooling import Pooling, PoolingKind
from hooke.nn.graphs.segment import at_destination, at_source, directed_messages, edges_of, incoming_sum, neighbour_sum
from hooke.nn.mlp import Activation, activation, mlp
from hooke.nn.randomness import ItemDropout

_SPREAD = 3  # depths are drawn at most so far from the mean
Gather = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Config:
    """Sizes and choices of GROVER; the defaults are near the published base model."""

    width: int = 800
    depth: int = 6  # steps of message passing, the mean in training
    dynamic: bool = True  # draw the depth in training
    heads: int = 4
    blocks: int = 1
    embedding_width: int = 64  # of the sum of the atom-code embeddings
    bond_width: int = 16  # of the sum of the bond-code embeddings
    encoding_width: int = 32  # of the encoded encodings
    dropout: float = 0.1
    activation: Activation = "relu"
    pooling: PoolingKind = "mean"


PRESETS: dict[str, Config] = {
    "tiny": Config(width=24, depth=3, heads=2, dropout=0.0),
    "small": Config(width=96, depth=4),
    "base": Config(),
    "large": Config(width=1200),
    "xl": Config(width=3366, heads=6),
}


class DynamicMessagePassing(nn.Module):
    """h ← σ(h_0 + W m(h)), K times; in training K is drawn from a normal distribution of spread 1 around `depth`."""

    draws_randomly = True

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.depth, self.dynamic = config.depth, config.dynamic
        self.hidden = nn.Linear(config.width, config.width)
        self.activation = activation(config.activation)

    def forward(self, states: Float[Tensor, "items width"], gather: Gather) -> Float[Tensor, "items width"]:
        """The states after K steps."""
        found = states
        for _ in range(self.steps()):
            found = self.activation(states + self.hidden(gather(found)))
        return found

    def steps(self) -> int:
        """K: at least 1, at most 3 away from `depth`."""
        if not (self.training and self.dynamic):
            return self.depth
        drawn = float(torch.randn(()).clamp(-_SPREAD, _SPREAD))
        return max(1, self.depth + round(drawn))


class Block(nn.Module):
    """Attention over heads, each with message passing of its own."""

    def __init__(self, config: Config, axis: str) -> None:
        super().__init__()
        width = config.width
        self.heads, self.head_width = config.heads, head_width(width, config.heads)
        self.passing = nn.ModuleList(DynamicMessagePassing(config) for _ in range(3 * config.heads))
        self.projections = nn.ModuleList(nn.Linear(width, width) for _ in range(4))
        self.out = nn.Linear(config.heads * width, width)
        self.dropout = ItemDropout(config.dropout, axis)
        self.norm = nn.LayerNorm(width)

    def forward(self, states: Float[Tensor, "items width"], gather: Gather) -> Float[Tensor, "items width"]:
        """New states."""
        rows = torch.stack([passing(states, gather) for passing in self.passing], dim=1)
        query, key, value = (
            split_heads(project(part), self.heads)
            for project, part in zip(self.projections, rows.split(self.heads, dim=1), strict=False)
        )
        found = join_heads(functional.scaled_dot_product_attention(query, key, value))
        return self.norm(states + self.dropout(self.out(self.projections[3](found).flatten(1))))


class Output(nn.Module):
    """LN(FFN([features, gathered]))."""

    def __init__(self, features: int, config: Config, axis: str) -> None:
        super().__init__()
        sizes = [features + config.width, 4 * config.width, config.width]
        self.layers = mlp(sizes, activation_name=config.activation, dropout=config.dropout, axis=axis)
        self.norm = nn.LayerNorm(config.width)

    def forward(
        self, features: Float[Tensor, "items features"], gathered: Float[Tensor, "items width"]
    ) -> Float[Tensor, "items width"]:
        """One of the four outputs."""
        return self.norm(self.layers(torch.cat([features, gathered], dim=1)))


class Model(MoleculeModel):
    """GROVER encoder with pooling; the views "from atoms" and "from bonds" are the two halves of every output row."""

    gradient_exempt: ClassVar[Mapping[str, str]] = {
        r"bond_from_(atoms|bonds)\..*": "the outputs of bonds serve edge-level labels only"
    }
    stacks = ("node_blocks", "edge_blocks")
    tail = ("atom_from_atoms", "atom_from_bonds", "bond_from_atoms", "bond_from_bonds")
    node_part = 0
    views = 2

    def __init__(self, config: Config, spec: MoleculeSpec = MoleculeSpec()) -> None:
        super().__init__()
        self.atoms = NodeFeatures(config.embedding_width, config.encoding_width, spec.encodings)
        self.bonds = BondEmbedding(config.bond_width)
        self.first_nodes = nn.Linear(self.atoms.width, config.width)
        self.first_edges = nn.Linear(self.atoms.width + config.bond_width, config.width)
        self.attached = nn.Linear(config.bond_width, config.width, bias=False)
        self.activation = activation(config.activation)
        self.node_blocks = nn.ModuleList(Block(config, "nodes") for _ in range(config.blocks))
        self.edge_blocks = nn.ModuleList(Block(config, "edges") for _ in range(config.blocks))
        self.atom_from_atoms, self.atom_from_bonds = (Output(self.atoms.width, config, "nodes") for _ in range(2))
        self.bond_from_atoms, self.bond_from_bonds = (Output(config.bond_width, config, "edges") for _ in range(2))
        self.pooling = Pooling(config.pooling)
        self.node_width = self.edge_width = self.views * config.width
        self.graph_width = self.views * self.pooling.width(config.width)

    def forward(self, batch: MoleculeBatch) -> MoleculeOutput:
        """Represent the nodes, edges and molecules of a batch."""
        edges = edges_of(batch)
        atoms, bonds = self.atoms(batch, edges).expand(), self.bonds(batch).expand()
        nodes = self.activation(self.first_nodes(atoms))
        states = self.activation(self.first_edges(torch.cat([at_source(atoms, edges), bonds], dim=1)))
        attached = self.attached(incoming_sum(bonds, edges))
        for node_block, edge_block in zip(self.node_blocks, self.edge_blocks, strict=True):
            nodes = node_block(nodes, lambda rows: neighbour_sum(rows, edges) + attached)
            states = edge_block(states, lambda rows: directed_messages(rows, edges))
        of_atoms = [
            self.atom_from_atoms(atoms, neighbour_sum(nodes, edges)),
            self.atom_from_bonds(atoms, incoming_sum(states, edges)),
        ]
        of_bonds = [
            self.bond_from_atoms(bonds, at_source(nodes, edges) + at_destination(nodes, edges)),
            self.bond_from_bonds(bonds, directed_messages(states, edges)),
        ]
        pooled = torch.cat([self.pooling(rows, batch) for rows in of_atoms], dim=1)
        return MoleculeOutput(torch.cat(of_atoms, dim=1), torch.cat(of_bonds, dim=1), pooled)
