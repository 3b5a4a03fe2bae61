"""Attention in blocks of molecules on the CPU: a few small batched products with a gradient of their own.

    A = softmax(q kᵀ / √d + b),  y = D ∘ A v,  with D what dropout keeps of the weights, scaled
    dv = (D ∘ A)ᵀ dy,  dA = D ∘ (dy vᵀ),  dS = A ∘ (dA - Σ_u A ∘ dA),  dq = dS k / √d,  dk = dSᵀ q / √d,  db = dS

Molecules have tens of atoms. On matrices that small torch's fused kernel takes about twice as long as these products, and what autograd
adds around it, slices, stacks and zeros, as much again (bench/gps_speed.py). Here the rows of each head are gathered once into the
order of the blocks, every product is written where it belongs, and the gradients are gathered once on the way back. The
weights of all pairs are kept for the backward pass.

Source: Vaswani et al. 2017 (arXiv 1706.03762).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hooke.nn.graphs.size_groups import HeadPlaces, SizeLayout


def block_attention(
    rows: Float[Tensor, "nodes three_widths"],
    layout: SizeLayout,
    heads: int,
    biases: Sequence[Tensor | None],
    kept: Sequence[Tensor | None] = (),
) -> Float[Tensor, "nodes width"]:
    """Attention within molecules, in the precision of the rows.

    Args:
        rows: Queries, keys and values of the nodes, (V, 3 * heads * d).
        layout: The blocks.
        heads: Of the attention.
        biases: One a block, added to the (g, heads, n, n) scores; None for none.
        kept: One a block, (g, heads, n, n) factors of the weights (dropout); without them all are 1.
    """
    return _BlockAttention.apply(rows, layout, layout.of_heads(heads), tuple(kept), *biases)


class _BlockAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        rows: Tensor,
        layout: SizeLayout,
        places: HeadPlaces,
        kept: tuple[Tensor | None, ...],
        *biases: Tensor | None,
    ) -> Tensor:
        laid = rows.view(len(rows) * 3 * places.heads, -1).index_select(0, places.taken_thrice)
        found = laid.new_empty(len(places.taken), laid.shape[1])
        weights, scales = [], [scale.flatten(0, 1) for scale in kept if scale is not None]
        factors: list[Tensor | None] = [*scales] or [None] * len(biases)
        for bias, scale, (query, key, value), out in zip(
            biases,
            factors,
            _blocks(laid, layout, places, 3),
            _blocks(found, layout, places, 1),
            strict=True,
        ):
            weight = torch.softmax(_scores(query, key, bias, places.heads), dim=-1)
            weights.append(weight)
            torch.bmm(weight if scale is None else weight * scale, value, out=out[0])
        ctx.layout, ctx.places = layout, places
        ctx.shapes = [None if bias is None else bias.shape for bias in biases]
        ctx.save_for_backward(laid, *weights, *scales)
        return found.index_select(0, places.place).view(len(rows), -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        layout, places = ctx.layout, ctx.places
        laid, *kept = ctx.saved_tensors
        count = len(layout.groups)
        weights, scales = kept[:count], kept[count:] or [None] * count
        spread = grad.reshape(-1, laid.shape[1]).index_select(0, places.taken)
        if places.present is not None:
            spread.mul_(places.present)
        to_laid = torch.empty_like(laid)
        to_biases: list[Tensor | None] = []
        for weight, scale, shape, rows, out, into in zip(
            weights,
            scales,
            ctx.shapes,
            _blocks(laid, layout, places, 3),
            _blocks(spread, layout, places, 1),
            _blocks(to_laid, layout, places, 3),
            strict=True,
        ):
            to_scores = _backward(weight, scale, rows, out[0], into)
            needed = ctx.needs_input_grad[4 + len(to_biases)]
            to_biases.append(_summed(to_scores, shape, places.heads) if needed else None)
        return to_laid.index_select(0, places.place_thrice).view(len(grad), -1), None, None, None, *to_biases


def _blocks(rows: Tensor, layout: SizeLayout, places: HeadPlaces, parts: int) -> list[Tensor]:
    """The (parts, g * heads, n, d) view of each block."""
    found = []
    for group in layout.groups:
        count, size = group.shape
        first = parts * places.heads * group.places.start
        last = parts * places.heads * group.places.stop
        found.append(rows[first:last].view(parts, count * places.heads, size, -1))
    return found


def _scores(query: Tensor, key: Tensor, bias: Tensor | None, heads: int) -> Tensor:
    """Q kᵀ / √d + b of a block."""
    scores = torch.baddbmm(query.new_empty(1, 1, 1), query, key.transpose(1, 2), beta=0, alpha=query.shape[2] ** -0.5)
    if bias is not None:
        scores.unflatten(0, (-1, heads)).add_(bias)
    return scores


def _backward(weight: Tensor, scale: Tensor | None, rows: Tensor, out: Tensor, into: Tensor) -> Tensor:
    """Write the gradients of q, k and v of a block; returns that of the scores."""
    query, key, value = rows
    to_weight = torch.bmm(out, value.transpose(1, 2))
    used = weight
    if scale is not None:
        used = weight * scale
        to_weight.mul_(scale)
    torch.bmm(used.transpose(1, 2), out, out=into[2])
    to_scores = torch.ops.aten._softmax_backward_data(to_weight, weight, -1, weight.dtype)
    alpha, empty = query.shape[2] ** -0.5, query.new_empty(1, 1, 1)
    torch.baddbmm(empty, to_scores, key, beta=0, alpha=alpha, out=into[0])
    torch.baddbmm(empty, to_scores.transpose(1, 2), query, beta=0, alpha=alpha, out=into[1])
    return to_scores


def _summed(to_scores: Tensor, shape: torch.Size, heads: int) -> Tensor:
    return to_scores.unflatten(0, (-1, heads)).sum_to_size(shape)
