"""GPS++: message passing over edges, nodes and a global state, beside attention with biases, in every layer.

    ē_uv = MLP_e([x_v, x_u, e_uv, g])
    x̄_v = MLP_n([Σ_u (ē_uv, x_u), Σ_w (ē_vw, x_w), x_v, g])
    ḡ = MLP_g([g, Σ_v x̄_v, Σ_uv ē_uv])
    y = LN(x + RowDropout(x̄)),  e' = e + ē,  g' = g + RowDropout(ḡ)
    z = LN(x + GraphDropout(Attention(x, bias)))
    x' = LN(s + GraphDropout(FFN(s))),  s = y + z

MLP = Linear → LN → GELU → Linear; the bias holds shortest paths and, with `positions`, distances (`nn.graphs.pair_bias`); GraphDropout
drops a whole molecule's update with probability `depth_dropout` · layer / (depth - 1). The inputs are sums of code
embeddings, encodings and degrees, each through its own MLP, concatenated and projected. With `positions`, molecules without
finite coordinates, or whose coordinates are hidden, do without.

Source: Masters et al. 2022 (arXiv 2212.02229; 2302.02947). Where paper and code differ, as in the code: layer normalisation of the
hidden units, after the residual, and after the feed-forward network; scores scaled by the width of a head. Grouped input masking
as in both (the code's groups name what is kept): in training a molecule loses its coordinates with probability
`hide_positions`, else its paths with `hide_paths`; they used 1/5 and 3/5. Differs from both: the atoms' codes are those of
`molecules.vocabulary`. In the last layer the global state is not updated: nothing would read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hooke.core.errors import UsageError
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.encodings.config import EIGENVECTORS, POSITIONS, EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.attention import Attended, MoleculeAttention, attended, masked_bias
from hooke.nn.graphs.eigenvectors import EigenpairEncoder
from hooke.nn.graphs.embeddings import MAXIMUM_DEGREE, AtomEmbedding, BondEmbedding
from hooke.nn.graphs.encodings import node_rows
from hooke.nn.graphs.graph_dropout import GraphDropout, RowDropout
from hooke.nn.graphs.molecule_model import MoleculeModel
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.graphs.pair_bias import DistanceBias, PathBias
from hooke.nn.graphs.pooling import Pooling, PoolingKind
from hooke.nn.graphs.segment import (
    Edges,
    at_destination,
    at_graph,
    at_source,
    edges_of,
    graph_sum,
    incoming_sum,
    neighbour_sum,
    outgoing_sum,
)
from hooke.nn.graphs.size_groups import size_layout
from hooke.nn.mlp import mlp
from hooke.nn.randomness import ItemRandom


@dataclass(frozen=True)
class Config:
    """Sizes and choices of GPS++; the defaults are the published ones."""

    width: int = 256  # of the nodes
    edge_width: int = 128  # of the edges
    global_width: int = 64  # of the global state
    depth: int = 16  # layers
    heads: int = 32  # of the attention
    expansion: int = 4  # hidden width of each MLP and of the feed-forward network over its output width
    embedding_width: int = 64  # of the sum of the code embeddings, and of the degrees
    encoding_width: int = 32  # of each encoded encoding
    farthest: int = 100  # bonds from which all shortest paths share a bias
    positions: bool = False  # read coordinates, where a batch has them
    kernels: int = 128  # Gaussian kernels of a distance
    hide_positions: float = 0.0  # probability in training, by molecule
    hide_paths: float = 0.0  # likewise, of the shortest paths
    node_dropout: float = 0.0  # of rows
    edge_dropout: float = 0.0
    global_dropout: float = 0.0
    input_dropout: float = 0.0  # of rows of the encoded encodings
    attention_dropout: float = 0.0
    depth_dropout: float = 0.0  # of whole molecules, in the last layer
    pooling: PoolingKind = "sum"

    def __post_init__(self) -> None:
        if self.hide_positions + self.hide_paths > 1:
            raise UsageError("hide_positions and hide_paths are exclusive: together they must be at most 1")


_PUBLISHED: dict[str, Any] = {
    "node_dropout": 0.3,
    "edge_dropout": 0.0035,
    "global_dropout": 0.35,
    "input_dropout": 0.18,
    "attention_dropout": 0.3,
    "depth_dropout": 0.3,
}
PRESETS: dict[str, Config] = {
    "tiny": Config(width=36, edge_width=16, global_width=8, depth=2, heads=2, expansion=2, farthest=16, positions=True, kernels=8),
    "small": Config(width=96, edge_width=48, global_width=24, depth=4, heads=8, expansion=2, farthest=32),
    "11m": Config(depth=4, **_PUBLISHED),
    "22m": Config(depth=8, **_PUBLISHED),
    "44m": Config(depth=16, **_PUBLISHED),
    "large": Config(width=512, edge_width=256, global_width=128, depth=16, **_PUBLISHED),
    "xl": Config(width=1024, edge_width=512, global_width=256, depth=23, **_PUBLISHED),
}  # fmt: skip


def _mlp(before: int, width: int, expansion: int) -> nn.Sequential:
    return mlp([before, expansion * width, width], activation_name="gelu", normalisation_name="layer")


def _encoder(before: int, width: int) -> nn.Sequential:
    """LN → Linear → LN → ReLU → Linear."""
    return nn.Sequential(nn.LayerNorm(before), *mlp([before, 2 * width, width], normalisation_name="layer"))


class Inputs(ItemRandom):
    """First node, edge and global states, and the bias of the attention."""

    def __init__(self, config: Config, encodings: EncodingConfig) -> None:
        super().__init__("graphs")
        self.config = config
        width = config.embedding_width
        self.atoms, self.bonds = AtomEmbedding(width, encodings.features), BondEmbedding(width)
        self.atom_mlp = _mlp(width, config.width, config.expansion)
        self.bond_mlp = _mlp(width, config.edge_width, config.expansion)
        self.degree = nn.Embedding(MAXIMUM_DEGREE + 1, width)
        small = config.encoding_width
        self.node = nn.ModuleDict({name: _encoder(size, small) for name, size in encodings.node_widths.items()})
        self.pairs = encodings.eigenvector_encoder != "mlp"
        if self.pairs:
            self.node[EIGENVECTORS] = EigenpairEncoder(encodings.eigenvector_encoder, encodings.laplacian, small)
        self.graph = nn.ModuleDict({name: _encoder(size, small) for name, size in encodings.graph_widths.items()})
        self.dropout = RowDropout(config.input_dropout, "nodes")
        parts = len(self.node) + len(self.graph)
        self.paths = PathBias(config.heads, config.farthest)
        self.distances: DistanceBias | None = None
        if config.positions:
            self.distances = DistanceBias(config.heads, config.kernels)
            self.centrality = nn.Linear(config.kernels, small, bias=False)
            self.length_dropout = RowDropout(config.input_dropout, "edges")
            self.length = mlp([config.kernels, 2 * small, small], normalisation_name="layer")
            parts += 1
        self.to_nodes = nn.Linear(config.width + width + parts * small, config.width)
        self.to_edges = nn.Linear(config.edge_width + (small if config.positions else 0), config.edge_width)
        self.start = nn.Parameter(torch.randn(config.global_width))

    def forward(
        self, batch: MoleculeBatch
    ) -> tuple[
        Float[Tensor, "nodes width"], Float[Tensor, "edges edge_width"], Float[Tensor, "graphs global_width"], Attended
    ]:
        """Node, edge and global states, and the edges with the bias."""
        edges, layout = edges_of(batch), size_layout(batch)
        dtype = self.start.dtype
        nodes = [
            self.atoms(batch, edges).map(self.atom_mlp).expand(),
            self.degree(edges.degree.clamp(max=MAXIMUM_DEGREE)),
        ]
        nodes += [
            self.dropout(module(node_rows(name, batch, pairs=self.pairs).to(dtype)))
            for name, module in self.node.items()
        ]
        nodes += [
            self.dropout(at_graph(module(batch.graph_encodings[name].to(dtype)), batch))
            for name, module in self.graph.items()
        ]
        bonds = self.bonds(batch).map(self.bond_mlp).expand()
        known, with_paths = self._shown(batch)
        biases = [
            bias * with_paths[group.graphs][:, None, None, None]
            for bias, group in zip(self.paths(batch, layout), layout.groups, strict=True)
        ]
        if self.distances is not None:
            positions = _positions(batch, dtype).masked_fill(~known[batch.node_graph][:, None], 0.0)
            far, sums = self.distances(positions, layout)
            biases = [
                bias + more * known[group.graphs][:, None, None, None]
                for bias, more, group in zip(biases, far, layout.groups, strict=True)
            ]
            nodes.append(self.centrality(sums) * known[batch.node_graph][:, None])
            bonds = torch.cat([bonds, self._lengths(positions, known, batch)], dim=1)
        states = self.start.expand(batch.num_graphs, -1)
        around = attended(edges, layout, masked_bias(layout, biases))
        return self.to_nodes(torch.cat(nodes, dim=1)), self.to_edges(bonds), states, around

    def draws(self) -> bool:
        """Whether it hides anything in its present mode."""
        return self.training and bool(self.config.hide_positions or self.config.hide_paths)

    def _lengths(
        self, positions: Float[Tensor, "nodes 3"], known: Bool[Tensor, " graphs"], batch: MoleculeBatch
    ) -> Float[Tensor, "edges encoding_width"]:
        """Encoded bond lengths."""
        assert self.distances is not None
        source, destination = batch.edge_index
        length = (positions[source] - positions[destination]).square().sum(1).sqrt()
        encoded = self.length_dropout(self.length(self.distances.kernels(length)))
        return encoded * known[batch.node_graph[source]][:, None]

    def _shown(self, batch: MoleculeBatch) -> tuple[Bool[Tensor, " graphs"], Bool[Tensor, " graphs"]]:
        """Which molecules show their coordinates, and which their shortest paths."""
        everything = torch.ones(batch.num_graphs, dtype=torch.bool, device=batch.node_graph.device)
        known = everything
        if self.distances is not None:
            finite = _positions(batch, torch.float32).isfinite().all(1)
            known = torch.segment_reduce(finite.float(), "min", offsets=batch.node_offsets) > 0
        if not self.draws():
            return known, everything
        draw = self.uniform(batch.num_graphs, 1, known).squeeze(1)
        hidden = draw < self.config.hide_positions
        without_paths = ~hidden & (draw < self.config.hide_positions + self.config.hide_paths)
        return known & ~hidden, ~without_paths


def _positions(batch: MoleculeBatch, dtype: torch.dtype) -> Float[Tensor, "nodes 3"]:
    """The coordinates in Å; not finite for a batch without any."""
    if POSITIONS not in batch.node_encodings:
        return torch.full((batch.num_nodes, 3), torch.nan, dtype=dtype, device=batch.node_graph.device)
    return batch.node_encodings[POSITIONS].to(dtype)


class MessagePassing(nn.Module):
    """The local half of a layer: ē, x̄ and ḡ."""

    def __init__(self, config: Config, *, last: bool) -> None:
        super().__init__()
        width, edge_width, global_width = config.width, config.edge_width, config.global_width
        self.edge_mlp = _mlp(2 * width + edge_width + global_width, edge_width, config.expansion)
        self.node_mlp = _mlp(3 * width + 2 * edge_width + global_width, width, config.expansion)
        self.global_mlp = None if last else _mlp(global_width + width + edge_width, global_width, config.expansion)
        self.edge_dropout = RowDropout(config.edge_dropout, "edges")

    def forward(
        self,
        nodes: Float[Tensor, "nodes width"],
        bonds: Float[Tensor, "edges edge_width"],
        state: Float[Tensor, "graphs global_width"],
        edges: Edges,
        batch: MoleculeBatch,
    ) -> tuple[
        Float[Tensor, "nodes width"], Float[Tensor, "edges edge_width"], Float[Tensor, "graphs global_width"] | None
    ]:
        """The changes of nodes, edges and global state; no change of the last one in the last layer."""
        change = self.edge_dropout(self._edges(nodes, bonds, at_graph(state, batch), edges))
        arriving = incoming_sum(change, edges)
        update = self._nodes(nodes, arriving, outgoing_sum(change, edges), state, edges, batch)
        if self.global_mlp is None:
            return update, change, None
        summed = [state, graph_sum(update, batch), graph_sum(arriving, batch)]
        return update, change, self.global_mlp(torch.cat(summed, dim=1))

    def _nodes(
        self, nodes: Tensor, arriving: Tensor, leaving: Tensor, state: Tensor, edges: Edges, batch: MoleculeBatch
    ) -> Tensor:
        """MLP_n, whose first layer meets Σ_u x_u and Σ_w x_w as one: bonds have two directions, so they are the same atoms."""
        first: nn.Linear = self.node_mlp[0]  # type: ignore[assignment]
        width, edge_width = nodes.shape[1], arriving.shape[1]
        parts = [edge_width, width, edge_width, width, width, state.shape[1]]
        into, sender, out, receiver, own, whole = first.weight.split(parts, dim=1)
        weight = torch.cat([into, out, sender + receiver, own], dim=1)
        rows = torch.cat([arriving, leaving, neighbour_sum(nodes, edges), nodes], dim=1)
        hidden = nn.functional.linear(rows, weight)
        return self.node_mlp[1:](hidden + at_graph(nn.functional.linear(state, whole, first.bias), batch))

    def _edges(self, nodes: Tensor, bonds: Tensor, state: Tensor, edges: Edges) -> Tensor:
        """MLP_e with its first layer taken apart: what acts on nodes is computed once a node."""
        first: nn.Linear = self.edge_mlp[0]  # type: ignore[assignment]
        width = nodes.shape[1]
        receiver, sender, own, whole = first.weight.split([width, width, bonds.shape[1], state.shape[1]], dim=1)
        linear = nn.functional.linear
        hidden = at_destination(linear(nodes, receiver) + linear(state, whole), edges)
        hidden = hidden + at_source(linear(nodes, sender), edges) + linear(bonds, own, first.bias)
        return self.edge_mlp[1:](hidden)


class Layer(nn.Module):
    """One GPS++ layer; `place` is its number over that of the last."""

    def __init__(self, config: Config, place: float) -> None:
        super().__init__()
        width = config.width
        self.local = MessagePassing(config, last=place == 1.0)
        self.local_norm = nn.LayerNorm(width)
        self.attention = MoleculeAttention(width, config.heads, dropout=config.attention_dropout)
        self.attention_norm = nn.LayerNorm(width)
        self.feed_forward = mlp([width, config.expansion * width, width], activation_name="gelu")
        self.norm = nn.LayerNorm(width)
        self.node_dropout = RowDropout(config.node_dropout, "nodes")
        self.global_dropout = RowDropout(config.global_dropout, "graphs")
        self.attention_depth = GraphDropout(config.depth_dropout * place)
        self.depth = GraphDropout(config.depth_dropout * place)

    def forward(
        self,
        nodes: Float[Tensor, "nodes width"],
        bonds: Float[Tensor, "edges edge_width"],
        state: Float[Tensor, "graphs global_width"],
        around: Attended,
        batch: MoleculeBatch,
    ) -> tuple[Float[Tensor, "nodes width"], Float[Tensor, "edges edge_width"], Float[Tensor, "graphs global_width"]]:
        """New node, edge and global states."""
        update, change, total = self.local(nodes, bonds, state, around, batch)
        found = self.local_norm(nodes + self.node_dropout(update))
        found = found + self.attention_norm(nodes + self.attention_depth(self.attention(nodes, around), batch))
        nodes = self.norm(found + self.depth(self.feed_forward(found), batch))
        return nodes, bonds + change, state if total is None else state + self.global_dropout(total)


class Model(MoleculeModel):
    """GPS++ encoder with pooling."""

    extra_encodings: ClassVar[Mapping[str, int]] = {POSITIONS: 3}

    def __init__(self, config: Config, spec: MoleculeSpec = MoleculeSpec()) -> None:
        super().__init__()
        self.inputs = Inputs(config, spec.encodings)
        places = [1.0 if layer == config.depth - 1 else layer / (config.depth - 1) for layer in range(config.depth)]
        self.layers = nn.ModuleList(Layer(config, place) for place in places)
        self.pooling = Pooling(config.pooling)
        self.node_width, self.graph_width = config.width, self.pooling.width(config.width)
        self.edge_width = config.edge_width

    def forward(self, batch: MoleculeBatch) -> MoleculeOutput:
        """Represent the nodes, edges and molecules of a batch."""
        nodes, bonds, state, around = self.inputs(batch)
        for layer in self.layers:
            nodes, bonds, state = layer(nodes, bonds, state, around, batch)
        return MoleculeOutput(nodes, bonds, self.pooling(nodes, batch))
