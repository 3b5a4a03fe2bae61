"""Positional and structural encodings as network input, and the random signs of eigenvectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.encodings.config import EIGENVALUES, EIGENVECTORS, POSITIONS, EigenvectorEncoder
from hooke.nn.graphs.eigenvectors import EigenpairEncoder
from hooke.nn.graphs.segment import at_graph
from hooke.nn.item_noise import item_uniform
from hooke.nn.mlp import mlp


class EncodingsEncoder(nn.Module):
    """Each encoding through its own MLP to a common width, then summed; graph-level ones reach every node.

        p_v = Σ_k MLP_k(encoding_k(v)) + Σ_k MLP_k(encoding_k(graph of v))

    Source: Graphium's `pe_encoders` pooled by sum; hidden width twice the output as in GPS++. Inputs are looked up by
    name, never by position.
    """

    def __init__(
        self,
        node_widths: Mapping[str, int],
        graph_widths: Mapping[str, int],
        width: int,
        eigenvector_encoder: EigenvectorEncoder = "mlp",
    ) -> None:
        super().__init__()
        self.node = nn.ModuleDict({name: mlp([size, 2 * width, width]) for name, size in node_widths.items()})
        self.pairs = eigenvector_encoder != "mlp"
        if self.pairs:
            self.node[EIGENVECTORS] = EigenpairEncoder(eigenvector_encoder, node_widths[EIGENVECTORS], width)
        self.graph = nn.ModuleDict({name: mlp([size, 2 * width, width]) for name, size in graph_widths.items()})

    def forward(
        self, batch: MoleculeBatch, nodes: Int[Tensor, " chosen"] | None = None
    ) -> Float[Tensor, "nodes width"]:
        """Encode the nodes of a batch, or the chosen ones."""
        dtype = next(self.parameters()).dtype
        parts = []
        for name, encoder in self.node.items():
            values = node_rows(name, batch, pairs=self.pairs).to(dtype)
            parts.append(encoder(values if nodes is None else values[nodes]))
        for name, encoder in self.graph.items():
            rows = encoder(batch.graph_encodings[name].to(dtype))
            parts.append(at_graph(rows, batch) if nodes is None else rows.index_select(0, batch.node_graph[nodes]))
        return torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]

    def read(self, batch: MoleculeBatch) -> list[Tensor]:
        """(V, width) each: what it reads of each node."""
        of_graphs = (batch.graph_encodings[name][batch.node_graph] for name in self.graph)
        return [*(batch.node_encodings[name] for name in self.node), *of_graphs]


def node_rows(name: str, batch: MoleculeBatch, *, pairs: bool) -> Float[Tensor, "nodes columns"]:
    """What an encoder reads of an encoding of nodes; with `pairs` eigenvectors are followed by the eigenvalues of the molecule."""
    rows = batch.node_encodings[name]
    if not pairs or name != EIGENVECTORS:
        return rows
    return torch.cat([rows, batch.graph_encodings[EIGENVALUES][batch.node_graph]], dim=1)


def flip_signs(batch: MoleculeBatch, generator: torch.Generator) -> MoleculeBatch:
    """The batch with a random sign on each eigenvector of each molecule; nothing else changes.

    An eigenvector is defined up to its sign, so training shows both. Disconnected molecules get one sign for all their
    components.
    """
    vectors = batch.node_encodings.get(EIGENVECTORS)
    if vectors is None:
        return batch
    draws = item_uniform(batch, "graphs", vectors.shape[1], generator)
    signs = torch.where(draws < 0.5, -1, 1).to(vectors.dtype)
    flipped = vectors * signs[batch.node_graph]
    return replace(batch, node_encodings={**batch.node_encodings, EIGENVECTORS: flipped})


def hide_encodings(batch: MoleculeBatch, probability: float, generator: torch.Generator) -> MoleculeBatch:
    """The batch with all node encodings of some molecules set to zero, each molecule with the given probability; coordinates stay.

    An isolated atom has zero return probabilities and eigenvectors, which no larger molecule has: a network that never met them
    extrapolates from there. Hiding shows them in training, and teaches to do with the graph alone. (GPS++, arXiv
    2212.02229, masks groups of input features likewise.)
    """
    if not batch.node_encodings:
        return batch
    shown = item_uniform(batch, "graphs", 1, generator) >= probability
    factor = shown[batch.node_graph]
    hidden = {name: value * factor for name, value in batch.node_encodings.items() if name != POSITIONS}
    return replace(batch, node_encodings={**batch.node_encodings, **hidden})
