"""The message of GINE, fused: gather, add the bond, rectify and sum.

On the CPU the edges are taken in stretches of whole nodes that fit the cache, and nothing of the size of edges × width is
kept: the backward pass computes the messages again. On other devices there is one stretch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hooke.nn.distinct import Groups
from hooke.nn.segment import Edges, bag_sum

STRETCH_ENTRIES = 1 << 18  # edges × width of one stretch: 1 MiB in float32


@dataclass(frozen=True)
class Stretch:
    """Some whole nodes, the edges that arrive at them, and their offsets counted from the first of these edges."""

    nodes: slice
    edges: slice
    offsets: Tensor


def stretches(edges: Edges, width: int) -> list[Stretch]:
    """All nodes, in pieces of about `STRETCH_ENTRIES` entries of messages."""
    nodes = len(edges.offsets) - 1
    pieces = 1 if edges.source.is_cuda else 1 + len(edges.source) * width // STRETCH_ENTRIES
    starts = [nodes * piece // pieces for piece in range(pieces + 1)]
    firsts = edges.offsets[starts].tolist()
    return [
        Stretch(slice(node, node_end), slice(edge, edge_end), edges.offsets[node : node_end + 1] - edge)
        for node, node_end, edge, edge_end in zip(starts[:-1], starts[1:], firsts[:-1], firsts[1:], strict=True)
    ]


class _RectifiedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, nodes: Tensor, rows: Tensor, groups: Groups, edges: Edges) -> Tensor:
        ctx.groups, ctx.edges, ctx.stretches = groups, edges, stretches(edges, nodes.shape[1])
        ctx.save_for_backward(nodes, rows)
        summed = torch.empty_like(nodes)
        for stretch in ctx.stretches:
            messages = _sums(nodes, rows, groups, edges.source, stretch.edges).relu_()
            summed[stretch.nodes] = bag_sum(messages, edges.numbers[: len(messages)], stretch.offsets)
        return summed

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """The edges v→u that leave a node v are the reverses of those u→v that arrive, and have the same bond."""
        nodes, rows = ctx.saved_tensors
        edges, groups = ctx.edges, ctx.groups
        to_nodes, to_rows = torch.empty_like(grad), torch.zeros_like(rows)
        members = grad.new_zeros(len(groups.group), len(rows)).scatter_(1, groups.group[:, None], 1.0)
        for stretch in ctx.stretches:
            leaving = _sums(nodes, rows, groups, edges.destination, stretch.edges)
            through = grad.index_select(0, edges.source[stretch.edges])
            through = torch.ops.aten.threshold_backward(through, leaving, 0)
            to_nodes[stretch.nodes] = bag_sum(through, edges.numbers[: len(through)], stretch.offsets)
            to_rows.addmm_(members[stretch.edges].T, through)
        return to_nodes, to_rows, None, None


def _sums(nodes: Tensor, rows: Tensor, groups: Groups, ends: Tensor, which: slice) -> Tensor:
    """H + e of some edges, with the node at one of their ends."""
    return nodes.index_select(0, ends[which]).add_(rows.index_select(0, groups.group[which]))


def rectified_sum(
    nodes: Float[Tensor, "nodes width"], rows: Float[Tensor, "kinds width"], groups: Groups, edges: Edges
) -> Float[Tensor, "nodes width"]:
    """s_v = Σ_{u ∈ N(v)} ReLU(h_u + e_uv), where e_uv = e_vu is a property of the bond.

    Args:
        nodes: States of the nodes.
        rows: Edge states of the same width, one row a kind of bond.
        groups: The kind of each edge, the same for both directions of a bond.
        edges: The edges of the batch.
    """
    return _RectifiedSum.apply(nodes, rows, groups, edges)
