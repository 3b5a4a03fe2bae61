"""Attention over a graph of genes (GATv2), with types of edges and a gate for each of them.

    s_ij = a · LeakyReLU(W_t x_i + W_s x_j + W_e t_ij),    α_ij = g_ij exp s_ij / Σ_k g_ik exp s_ik,    x_i' = Σ_j α_ij W_s x_j

in each head; t_ij says which sources state the edge, or that it is the loop of a gene with itself, and g_ij ∈ [0, 1] is its gate: 1, unless
an explanation asks (`edge_gates`). An edge with gate 0 is as one that is not there. Each layer's output stands beside the features of the
genes (a skip connection by concatenation), and a linear layer makes the encoding z of each gene.

Source: Brody et al. 2022 (arXiv:2105.14491), eq. 7; types of edges and skip connections after Wenkel et al. 2025 (arXiv:2505.14919).
Differs: the original TxPert concatenates the input of each layer, here it is the features of the genes; normalisation of layers is added.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from hooke.cells.graph import Graph

Inputs = Literal["embedding", "spectral", "both"]
_SLOPE = 0.2
_SPECTRUM = 64  # most eigenvectors as features of genes


def incoming(graph: Graph, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Directed edges of a graph, the heaviest `most` into each gene, and a loop for each gene.

    Returns:
        (2, E) int64 source and destination, sorted by destination, and (E,) int64 the edge of the graph, -1 of loops.
    """
    count, numbers = len(graph), np.arange(len(graph.first))
    source, destination = np.concatenate([graph.first, graph.second]), np.concatenate([graph.second, graph.first])
    edge, weight = np.concatenate([numbers, numbers]), np.concatenate([graph.weights, graph.weights])
    order = np.lexsort((source, -weight, destination))
    source, destination, edge = source[order], destination[order], edge[order]
    rank = np.arange(len(destination)) - np.searchsorted(destination, destination)
    kept = rank < most
    loops = np.arange(count)
    source, destination = np.concatenate([source[kept], loops]), np.concatenate([destination[kept], loops])
    edge = np.concatenate([edge[kept], np.full(count, -1)])
    order = np.argsort(destination, kind="stable")
    return np.stack([source, destination])[:, order].astype(np.int64), edge[order].astype(np.int64)


class GraphAttention(nn.Module):
    """One layer.

    Args:
        inputs: Width of the genes' features.
        width: Of the output: `heads` of width / heads each.
        heads: Divides the width.
        types: Of edges.
    """

    def __init__(self, inputs: int, width: int, heads: int, types: int) -> None:
        super().__init__()
        self.heads = heads
        self.source, self.target = nn.Linear(inputs, width), nn.Linear(inputs, width)
        self.edge = nn.Linear(types, width, bias=False)
        self.attention = nn.Parameter(torch.empty(heads, width // heads))
        nn.init.xavier_uniform_(self.attention)

    def forward(
        self, genes: Float[Tensor, "genes inputs"], ends: Int[Tensor, "2 edges"], types: Float[Tensor, "edges types"],
        gates: Float[Tensor, " edges"],
    ) -> Float[Tensor, "genes width"]:  # fmt: skip
        """New features of the genes."""
        source, destination = ends
        sent = self.source(genes)
        mixed = sent[source] + self.target(genes)[destination] + self.edge(types.to(sent.dtype))
        mixed = functional.leaky_relu(mixed, _SLOPE).view(len(source), self.heads, -1)
        scores = (mixed * self.attention.to(mixed.dtype)).sum(-1)
        index = destination[:, None].expand_as(scores)
        lowest = scores.new_full((len(genes), self.heads), -torch.inf)
        highest = lowest.scatter_reduce(0, index, scores.detach(), "amax")
        weights = gates[:, None].to(scores.dtype) * (scores - highest[destination]).exp()
        total = weights.new_zeros(len(genes), self.heads).index_add(0, destination, weights)
        share = (weights / total[destination])[:, :, None]
        messages = (share * sent[source].view(len(source), self.heads, -1)).flatten(1)
        return torch.zeros_like(sent).index_add(0, destination, messages.to(sent.dtype))


class GraphEncoder(nn.Module):
    """Encodings of all genes of a graph: features, layers of attention, and a linear layer.

    Args:
        graph: Of the genes.
        inputs: Features of a gene: an embedding that is learnt, its places in the eigenvectors of the Laplacian, or both.
        node_width: Of features and layers.
        layers, heads, dropout: Of attention.
        neighbours: Most edges into a gene, the heaviest.
        width: Of the encodings.
        numbers: (edges of the graph,) int64 what its edges are called in the gates; 0, 1 ... without.

    Attributes:
        edge: (E,) int64 buffer: the gate of each directed edge, -1 of loops.
    """

    ends: Tensor
    types: Tensor
    edge: Tensor
    spectrum: Tensor

    def __init__(
        self, graph: Graph, *, inputs: Inputs, node_width: int, layers: int, heads: int, neighbours: int, dropout: float, width: int,
        numbers: np.ndarray | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        ends, edge = incoming(graph, neighbours)
        types = np.zeros((len(edge), len(graph.sources) + 1), np.float32)
        types[edge < 0, -1] = 1
        types[edge >= 0, :-1] = graph.members[edge[edge >= 0]]
        if numbers is not None:
            edge[edge >= 0] = numbers[edge[edge >= 0]]
        self.register_buffer("ends", torch.from_numpy(ends))
        self.register_buffer("types", torch.from_numpy(types))
        self.register_buffer("edge", torch.from_numpy(edge))
        self.embedding = nn.Parameter(torch.randn(len(graph), node_width)) if inputs != "spectral" else None
        self.places = None
        if inputs != "embedding":
            self.register_buffer("spectrum", torch.from_numpy(_eigenvectors(graph).astype(np.float32)))
            self.places = nn.Linear(self.spectrum.shape[1], node_width)
        wide = [node_width, *[2 * node_width] * layers]
        self.layers = nn.ModuleList(GraphAttention(each, node_width, heads, types.shape[1]) for each in wide[:-1])
        self.norms = nn.ModuleList(nn.LayerNorm(node_width) for _ in range(layers))
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(wide[-1], width)

    def forward(self, gates: Float[Tensor, " graph_edges"] | None = None) -> Float[Tensor, "genes width"]:
        """Encodings of all genes.

        Args:
            gates: Of each edge of the graph, in both directions; None leaves all open.
        """
        features = self._features()
        open_ = features.new_ones(len(self.edge))
        directed = open_ if gates is None else torch.where(self.edge >= 0, gates.to(features.dtype)[self.edge], open_)
        genes = features
        for layer, norm in zip(self.layers, self.norms, strict=True):
            new = functional.leaky_relu(norm(layer(self.dropout(genes), self.ends, self.types, directed)), _SLOPE)
            genes = torch.cat([features, new.to(features.dtype)], dim=1)
        return functional.leaky_relu(self.last(self.dropout(genes)), _SLOPE)

    def _features(self) -> Tensor:
        parts: list[Tensor] = [] if self.embedding is None else [self.embedding]
        if self.places is not None:
            parts.append(self.places(self.spectrum.to(self.places.weight.dtype)))
        return torch.stack(parts).sum(dim=0)


class GraphMixture(nn.Module):
    """One encoder a source of the graph, mixed for each gene by attention: z_i = Σ_s softmax_s(q · tanh(W z_i^s)) z_i^s.

    Args:
        encoders: Of the sources.
        width: Of their encodings.
    """

    def __init__(self, encoders: list[GraphEncoder], width: int) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.key, self.query = nn.Linear(width, width), nn.Parameter(torch.randn(width) / width**0.5)

    def forward(self, gates: Float[Tensor, " graph_edges"] | None = None) -> Float[Tensor, "genes width"]:
        """Encodings of all genes; see `GraphEncoder.forward`."""
        stacked = torch.stack([encoder(gates) for encoder in self.encoders], dim=1)
        scores = self.key(stacked).tanh() @ self.query.to(stacked.dtype)
        return (scores.softmax(dim=1)[:, :, None].to(stacked.dtype) * stacked).sum(dim=1)


def _eigenvectors(graph: Graph) -> np.ndarray:
    """(genes, k) eigenvectors of the smallest eigenvalues, of unit mean square over the genes that have an edge; zeros for the others."""
    inside = np.flatnonzero(graph.degrees > 0)
    found = np.zeros((len(graph), min(_SPECTRUM, max(1, len(inside)))))
    if len(inside):
        _, vectors = graph.over([graph.genes[node] for node in inside]).spectrum
        chosen = vectors[:, : found.shape[1]] * np.sqrt(len(inside))
        largest = np.abs(chosen).argmax(axis=0)
        found[inside] = chosen * np.where(
            chosen[largest, np.arange(chosen.shape[1])] < 0, -1.0, 1.0
        )  # signs are arbitrary
    return found
