"""The message of GINE, fused: gather, add the bond, rectify and sum.

A message depends on the atom that sends it and the kind of bond alone, so it is computed once for all bonds of a kind that an
atom has: two thirds as many as there are edges. The gradient of a message is the sum over the atoms that receive it.
Without gradients, on a CPU, messages are compiled away altogether (`molecules.rectified_sum_compiled`).
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hooke.molecules.compiled import compiled_twin
from hooke.nn.graphs.distinct import Groups, Senders
from hooke.nn.graphs.segment import Edges, bag_sum

_compiled_route = compiled_twin("rectified_sum_compiled", "rectified_sum_compiled")


class _RectifiedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, nodes: Tensor, rows: Tensor, senders: Senders, edges: Edges) -> Tensor:
        messages = nodes.index_select(0, senders.node).add_(rows.index_select(0, senders.kind)).relu_()
        ctx.senders, ctx.kinds = senders, rows.shape[0]
        ctx.save_for_backward(messages)
        return bag_sum(messages, senders.message, edges.offsets)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        senders = ctx.senders
        (messages,) = ctx.saved_tensors
        received = bag_sum(grad.contiguous(), senders.receiver, senders.receiver_offsets)
        through = torch.ops.aten.threshold_backward(received, messages, 0)
        to_nodes = bag_sum(through, senders.numbers, senders.offsets)
        members = grad.new_zeros(len(through), ctx.kinds).scatter_(1, senders.kind[:, None], 1.0)
        return to_nodes, members.T @ through, None, None


def rectified_sum(
    nodes: Float[Tensor, "nodes width"], rows: Float[Tensor, "kinds width"], groups: Groups, edges: Edges
) -> Float[Tensor, "nodes width"]:
    """s_v = Σ_{u ∈ N(v)} ReLU(h_u + e_uv), where e_uv is a property of the bond.

    Args:
        nodes: States of the nodes.
        rows: Edge states of the same width, one row a kind of bond.
        groups: The kind of each edge.
        edges: The edges of the batch.
    """
    here = nodes.device.type == "cpu" and not torch.is_grad_enabled() and not torch.compiler.is_exporting()
    compiled = _compiled_route() if here else None
    if compiled is not None and nodes.dtype == rows.dtype and nodes.dtype in (torch.float32, torch.float64):
        given = (tensor.contiguous().numpy() for tensor in (nodes, rows, groups.group, edges.source, edges.offsets))
        return torch.from_numpy(compiled(*given))
    return _RectifiedSum.apply(nodes, rows, groups.senders(edges), edges)
