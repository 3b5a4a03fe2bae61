"""From a batch to the first node and edge features: code embeddings, encodings, pre-layers."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import nn

from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.encodings.config import EncodingConfig
from hooke.nn.graphs.distinct import Distinct
from hooke.nn.graphs.embeddings import AtomEmbedding, BondEmbedding
from hooke.nn.graphs.encodings import EncodingsEncoder
from hooke.nn.graphs.environments import grouped
from hooke.nn.graphs.segment import Edges
from hooke.nn.mlp import Activation, mlp


@runtime_checkable
class InputSizes(Protocol):
    """What the config of a model says about its inputs."""

    @property
    def width(self) -> int:
        """Width of the node states."""

    @property
    def embedding_width(self) -> int:
        """Width of the sum of the code embeddings."""

    @property
    def encoding_width(self) -> int:
        """Width of the encoded encodings."""

    @property
    def pre_layers(self) -> int:
        """Linear layers before the first message."""

    @property
    def activation(self) -> Activation:
        """Activation between them."""


class NodeFeatures(nn.Module):
    """x_v = [embedding of the codes, encoded encodings]; the second part only if there are encodings."""

    def __init__(self, embedding_width: int, encoding_width: int, encodings: EncodingConfig) -> None:
        super().__init__()
        self.atoms = AtomEmbedding(embedding_width, encodings.features)
        self.width = embedding_width
        self.encodings: EncodingsEncoder | None = None
        if encodings.node_widths or encodings.graph_widths:
            self.encodings = EncodingsEncoder(
                encodings.node_widths, encodings.graph_widths, encoding_width, encodings.eigenvector_encoder
            )
            self.width += encoding_width

    def forward(self, batch: MoleculeBatch, edges: Edges) -> Distinct:
        """Features of the nodes, one row for nodes with equal codes and encodings (where that is compiled: see `environments`)."""
        atoms = self.atoms(batch, edges)
        if self.encodings is None:
            return atoms
        groups = grouped(atoms.kinds, self.encodings.read(batch))
        if groups is None:
            return Distinct(torch.cat([atoms.expand(), self.encodings(batch)], dim=1))
        codes = atoms.rows.index_select(0, atoms.kinds.group[groups.first])
        return Distinct(torch.cat([codes, self.encodings(batch, groups.first)], dim=1), groups)


class NodeInputs(nn.Module):
    """Pre-layers on the node features: h_v = MLP(x_v), of `pre_layers` linear layers."""

    def __init__(self, sizes: InputSizes, encodings: EncodingConfig) -> None:
        super().__init__()
        self.features = NodeFeatures(sizes.embedding_width, sizes.encoding_width, encodings)
        self.layers = mlp([self.features.width, *[sizes.width] * sizes.pre_layers], activation_name=sizes.activation)

    def forward(self, batch: MoleculeBatch, edges: Edges) -> Distinct:
        """First node states."""
        return self.features(batch, edges).map(self.layers)


class EdgeInputs(nn.Module):
    """Pre-layers on the bond embedding: e_uv = MLP(embedding of the bond codes)."""

    def __init__(self, sizes: InputSizes, width: int) -> None:
        super().__init__()
        self.bonds = BondEmbedding(sizes.embedding_width)
        self.layers = mlp([sizes.embedding_width, *[width] * sizes.pre_layers], activation_name=sizes.activation)

    def forward(self, batch: MoleculeBatch) -> Distinct:
        """First edge states."""
        return self.bonds(batch).map(self.layers)
