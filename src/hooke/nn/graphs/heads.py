"""Heads: from the encoder's output to raw predictions of one level: graph, node, edge (bond) or pair.

Bonds and pairs have no direction, so their input is symmetric in the two nodes:

    z_uv = [x_u + x_v, x_u ⊙ x_v, e_uv + e_vu]

with the edge stream of the encoder, or the embedding of the bond codes when it has none; pairs have no edge part.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.embeddings import BondEmbedding
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.graphs.segment import at_destination, at_source, edges_of
from hooke.nn.mlp import Activation, mlp
from hooke.nn.randomness import ItemDropout

BOND_EMBEDDING_WIDTH = 32


def first_edges(batch: MoleculeBatch) -> Int[Tensor, " bonds"]:
    """One of the two directed edges of each bond."""
    edges = torch.arange(batch.edge_bond.shape[0], device=batch.edge_bond.device)
    first = torch.full((batch.num_bonds,), edges.shape[0], dtype=torch.int64, device=edges.device)
    return first.scatter_reduce_(0, batch.edge_bond, edges, "amin")


def symmetric(left: Float[Tensor, "items width"], right: Float[Tensor, "items width"]) -> Float[Tensor, "items double"]:
    """[x + y, x ⊙ y]."""
    return torch.cat([left + right, left * right], dim=1)


class GraphReadout(nn.Module):
    """The pooled row of each molecule."""

    def __init__(self, node_width: int, edge_width: int, graph_width: int) -> None:
        super().__init__()
        self.width = graph_width

    def forward(self, output: MoleculeOutput, batch: MoleculeBatch) -> Float[Tensor, "graphs width"]:
        """Rows of the molecules."""
        return output.graphs


class NodeReadout(nn.Module):
    """The row of each node."""

    def __init__(self, node_width: int, edge_width: int, graph_width: int) -> None:
        super().__init__()
        self.width = node_width

    def forward(self, output: MoleculeOutput, batch: MoleculeBatch) -> Float[Tensor, "nodes width"]:
        """Rows of the nodes."""
        return output.nodes


class EdgeReadout(nn.Module):
    """One row a bond, the same for both directions and any order of the bonds."""

    def __init__(self, node_width: int, edge_width: int, graph_width: int) -> None:
        super().__init__()
        self.bonds = None if edge_width else BondEmbedding(BOND_EMBEDDING_WIDTH)
        self.width = 2 * node_width + (edge_width or BOND_EMBEDDING_WIDTH)

    def forward(self, output: MoleculeOutput, batch: MoleculeBatch) -> Float[Tensor, "bonds width"]:
        """Rows of the bonds."""
        edge = first_edges(batch)
        states = output.edges if self.bonds is None else self.bonds(batch).expand()
        assert states is not None
        both = states[edge] + states[batch.edge_reverse[edge]]
        edges = edges_of(batch)
        ends = symmetric(at_source(output.nodes, edges), at_destination(output.nodes, edges))
        return torch.cat([ends[edge], both], dim=1)


class PairReadout(nn.Module):
    """One row a labelled pair of nodes, the same for (u, v) and (v, u)."""

    def __init__(self, node_width: int, edge_width: int, graph_width: int) -> None:
        super().__init__()
        self.width = 2 * node_width

    def forward(self, output: MoleculeOutput, batch: MoleculeBatch) -> Float[Tensor, "pairs width"]:
        """Rows of the pairs."""
        return symmetric(output.nodes[batch.pair_index[0]], output.nodes[batch.pair_index[1]])


_READOUTS: dict[str, type[nn.Module]] = {
    "graph": GraphReadout,
    "node": NodeReadout,
    "edge": EdgeReadout,
    "pair": PairReadout,
}

_AXES: dict[str, str] = {"graph": "graphs", "node": "nodes", "edge": "bonds", "pair": "pairs"}


class Head(nn.Module):
    """Readout of one level, then one MLP for all its labels together.

    Attributes:
        mean: (labels,) buffer, what regression labels are centred by in training; 0 for classes.
        std: (labels,) buffer, what regression labels are divided by; 1 for classes.
        log_variance: (labels,) parameter of the "uncertainty" weighting, None without it.
        positive_weight: (labels,) buffer, how many times class 1 counts in the loss of a binary label; None where all count once.
    """

    mean: Tensor
    std: Tensor
    positive_weight: Tensor | None

    def __init__(
        self,
        level: str,
        widths: tuple[int, int, int],
        *,
        outputs: int,
        labels: int,
        hidden_width: int = 0,
        hidden_layers: int = 1,
        activation: Activation = "relu",
        dropout: float = 0.0,
        uncertainty: bool = False,
        weighted_classes: bool = False,
    ) -> None:
        """Make the head of one level.

        Args:
            level: "graph", "node", "edge" or "pair".
            widths: (node, edge, graph) widths of the encoder.
            outputs: Columns of the raw output, all classes of all labels counted.
            labels: Label columns.
            hidden_width: Width of the hidden layers, 0 for that of the nodes.
            hidden_layers: Hidden layers; 0 gives a linear head.
            activation: Activation of the hidden layers.
            dropout: Before the first linear layer and after each hidden activation.
            uncertainty: Whether each label has a learned variance.
            weighted_classes: Whether class 1 has a weight of its own.
        """
        super().__init__()
        self.readout = _READOUTS[level](*widths)
        width = int(self.readout.width)  # type: ignore[arg-type]
        hidden = [hidden_width or widths[0]] * hidden_layers
        self.dropout = ItemDropout(dropout, _AXES[level])
        self.layers = mlp([width, *hidden, outputs], activation_name=activation, dropout=dropout, axis=_AXES[level])
        self.register_buffer("mean", torch.zeros(labels))
        self.register_buffer("std", torch.ones(labels))
        self.register_buffer("positive_weight", torch.ones(labels) if weighted_classes else None)
        self.log_variance = nn.Parameter(torch.zeros(labels)) if uncertainty else None

    def forward(
        self, output: MoleculeOutput, batch: MoleculeBatch, items: Int[Tensor, " items"] | None = None
    ) -> Float[Tensor, "items outputs"]:
        """Raw outputs, one row an item of the level.

        Args:
            output: Of the encoder.
            batch: Its input.
            items: Those that are asked for; all without. A head that drops out needs all.
        """
        rows = self.dropout(self.readout(output, batch))
        return self.layers(rows if items is None else rows[items])
