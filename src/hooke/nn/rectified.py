"""The message of GINE, fused: gather, add the bond, rectify and sum, with one temporary of the size of the edges."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hooke.nn.distinct import Distinct
from hooke.nn.segment import Edges, bag_sum


class _RectifiedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, nodes: Tensor, rows: Tensor, bonds: Distinct, edges: Edges) -> Tensor:
        groups = bonds.groups
        messages = nodes.index_select(0, edges.source)
        messages.add_(rows if groups is None else rows.index_select(0, groups.group)).relu_()
        ctx.groups, ctx.edges = groups, edges
        ctx.save_for_backward(messages > 0)
        everything = torch.arange(len(messages), device=messages.device)
        return bag_sum(messages, everything, edges.offsets)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (positive,) = ctx.saved_tensors
        groups, edges = ctx.groups, ctx.edges
        through = grad.index_select(0, edges.destination).mul_(positive)
        to_rows = through if groups is None else bag_sum(through, groups.order, groups.offsets)
        return bag_sum(through, edges.reverse, edges.offsets), to_rows, None, None


def rectified_sum(nodes: Float[Tensor, "nodes width"], bonds: Distinct, edges: Edges) -> Float[Tensor, "nodes width"]:
    """s_v = Σ_{u ∈ N(v)} ReLU(h_u + e_uv).

    Args:
        nodes: States of the nodes.
        bonds: Edge states of the same width.
        edges: The edges of the batch.
    """
    return _RectifiedSum.apply(nodes, bonds.rows, bonds, edges)
