"""Sums over the edges of a node and over the nodes of a molecule: the one place where messages are aggregated.

Edges arrive sorted by destination, so every sum runs over a contiguous stretch of rows ("segment") and is written as an
embedding bag, which is one fast pass on the CPU and needs no atomic addition on a GPU: results are the same bits every
time. Molecules are undirected (each bond is two edges), so the gradient of "take the row of the source node" is again a
sum over the incoming edges, of the gradient at the reverse edges; nothing is ever scattered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import embedding_bag

from hooke.molecules.batch import MoleculeBatch


@dataclass(frozen=True)
class Edges:
    """The directed edges of a batch, sorted by destination.

    Attributes:
        source: (E,) int64 source node of each edge.
        destination: (E,) int64 destination node, never decreasing.
        reverse: (E,) int64 the edge of the same bond in the other direction.
        offsets: (V + 1,) int64; edges offsets[v]:offsets[v + 1] arrive at node v.
        numbers: (E,) int64, 0 ... E - 1.
    """

    source: Int[Tensor, " edges"]
    destination: Int[Tensor, " edges"]
    reverse: Int[Tensor, " edges"]
    offsets: Int[Tensor, " nodes_plus_one"]
    numbers: Int[Tensor, " edges"]

    @property
    def degree(self) -> Int[Tensor, " nodes"]:
        """(V,) number of edges that arrive at each node."""
        return self.offsets[1:] - self.offsets[:-1]


def edges_of(batch: MoleculeBatch) -> Edges:
    """The edges of a batch with the first edge of each node."""
    source, destination = batch.edge_index[0].contiguous(), batch.edge_index[1].contiguous()
    nodes = torch.arange(batch.num_nodes + 1, device=destination.device)
    numbers = torch.arange(destination.shape[0], device=destination.device)
    return Edges(source, destination, batch.edge_reverse, torch.searchsorted(destination, nodes), numbers)


def bag_sum(rows: Tensor, index: Tensor, offsets: Tensor) -> Tensor:
    """out[i] = sum of rows[index[j]] over offsets[i] <= j < offsets[i + 1]; no gradient of its own."""
    if index.shape[0] == 0:
        return rows.new_zeros(offsets.shape[0] - 1, rows.shape[1])
    return embedding_bag(index, rows.detach(), offsets, mode="sum", include_last_offset=True)


class _NeighbourSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, nodes: Tensor, source: Tensor, offsets: Tensor) -> Tensor:
        ctx.save_for_backward(source, offsets)
        return bag_sum(nodes, source, offsets)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        source, offsets = ctx.saved_tensors
        return bag_sum(grad.contiguous(), source, offsets), None, None


class _IncomingSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, messages: Tensor, index: Tensor, offsets: Tensor, taken: Tensor) -> Tensor:
        ctx.save_for_backward(taken)
        return bag_sum(messages, index, offsets)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return grad.index_select(0, ctx.saved_tensors[0]), None, None, None


class _TakeRows(torch.autograd.Function):
    """rows[taken]; `index` and `offsets` list, for each row, the places that took it."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, taken: Tensor, index: Tensor, offsets: Tensor) -> Tensor:
        ctx.save_for_backward(index, offsets)
        return rows.index_select(0, taken)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        index, offsets = ctx.saved_tensors
        return bag_sum(grad.contiguous(), index, offsets), None, None, None


def take_rows(
    rows: Float[Tensor, "rows width"],
    taken: Int[Tensor, " items"],
    index: Int[Tensor, " items"],
    offsets: Int[Tensor, " rows_plus_one"],
) -> Float[Tensor, "items width"]:
    """rows[taken], with a gradient that is a segment sum.

    Args:
        rows: Table.
        taken: The row of each item.
        index: The items sorted by row.
        offsets: index[offsets[r]:offsets[r + 1]] are the items that took row r.
    """
    return _TakeRows.apply(rows, taken, index, offsets)


def neighbour_sum(nodes: Float[Tensor, "nodes width"], edges: Edges) -> Float[Tensor, "nodes width"]:
    """s_v = Σ_{u ∈ N(v)} x_u, without a temporary of the size of the edges."""
    return _NeighbourSum.apply(nodes, edges.source, edges.offsets)


def incoming_sum(messages: Float[Tensor, "edges width"], edges: Edges) -> Float[Tensor, "nodes width"]:
    """s_v = Σ_{u ∈ N(v)} m_{u→v}."""
    return _IncomingSum.apply(messages, edges.numbers, edges.offsets, edges.destination)


def outgoing_sum(messages: Float[Tensor, "edges width"], edges: Edges) -> Float[Tensor, "nodes width"]:
    """s_v = Σ_{w ∈ N(v)} m_{v→w}."""
    return _IncomingSum.apply(messages, edges.reverse, edges.offsets, edges.source)


def at_source(nodes: Float[Tensor, "nodes width"], edges: Edges) -> Float[Tensor, "edges width"]:
    """x_u of each edge u→v."""
    return _TakeRows.apply(nodes, edges.source, edges.reverse, edges.offsets)


def at_destination(nodes: Float[Tensor, "nodes width"], edges: Edges) -> Float[Tensor, "edges width"]:
    """x_v of each edge u→v."""
    return _TakeRows.apply(nodes, edges.destination, edges.numbers, edges.offsets)


class _DirectedMessages(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, edges: Edges) -> Tensor:
        ctx.edges = edges
        arriving = bag_sum(states, edges.numbers, edges.offsets)
        return arriving.index_select(0, edges.source).sub_(states.index_select(0, edges.reverse))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        edges = ctx.edges
        leaving = bag_sum(grad.contiguous(), edges.reverse, edges.offsets)
        return leaving.index_select(0, edges.destination).sub_(grad.index_select(0, edges.reverse)), None


def directed_messages(states: Float[Tensor, "edges width"], edges: Edges) -> Float[Tensor, "edges width"]:
    """m_{v→w} = Σ_{u ∈ N(v) \\ w} h_{u→v}: all that arrives at v except what came from w itself."""
    return _DirectedMessages.apply(states, edges)


def graph_sum(nodes: Float[Tensor, "nodes width"], batch: MoleculeBatch) -> Float[Tensor, "graphs width"]:
    """Sum over the nodes of each molecule."""
    numbers = torch.arange(nodes.shape[0], device=nodes.device)
    return _IncomingSum.apply(nodes, numbers, batch.node_offsets, batch.node_graph)


def at_graph(graphs: Float[Tensor, "graphs width"], batch: MoleculeBatch) -> Float[Tensor, "nodes width"]:
    """The row of the molecule of each node."""
    numbers = torch.arange(batch.node_graph.shape[0], device=graphs.device)
    return _TakeRows.apply(graphs, batch.node_graph, numbers, batch.node_offsets)
