"""Attention among the atoms of each molecule.

    y_v = W_o Σ_u softmax_u(q_v·k_u / √d + b_vu) v_u,   u over all atoms of v's molecule

for each head, with an optional bias b. Queries, keys and values are computed once for each node; only the pairs are
padded, block by block (`nn.size_groups`).

Source: Vaswani et al. 2017 (arXiv 1706.03762); bias: Ying et al. 2021 (Graphormer, arXiv 2106.05234).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from hooke.nn.attention import head_width
from hooke.nn.item_noise import mixed, uniform
from hooke.nn.randomness import ItemDropout
from hooke.nn.segment import Edges
from hooke.nn.size_groups import SizeGroup, SizeLayout


@dataclass(frozen=True)
class Attended(Edges):
    """The edges of a batch, its layout in blocks, and what is added to the attention of each block.

    Attributes:
        layout: The blocks.
        biases: One a block: (g, heads or 1, n, n) or (g, 1, 1, n), minus infinity where a place has no atom; None for no bias.
    """

    layout: SizeLayout
    biases: tuple[Tensor | None, ...]


def attended(edges: Edges, layout: SizeLayout, biases: Sequence[Tensor | None]) -> Attended:
    """The edges with a layout and biases."""
    return Attended(edges.source, edges.destination, edges.reverse, edges.offsets, edges.numbers, layout, tuple(biases))


def masked_bias(layout: SizeLayout, biases: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The (g, heads, n, n) biases of each block with minus infinity at the keys of empty places; None stands for no bias."""
    found: list[Tensor | None] = []
    for group, bias in zip(layout.groups, biases, strict=True):
        if group.present is None:
            found.append(bias)
        elif bias is None:
            found.append(group.present[:, None, None, :])
        else:
            found.append(bias.masked_fill(~group.present[:, None, None, :], -torch.inf))
    return found


class MoleculeAttention(nn.Module):
    """Multi-head attention within molecules; `dropout` is of the attention weights."""

    def __init__(self, width: int, heads: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.head_width = heads, head_width(width, heads)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.dropout = ItemDropout(dropout, "nodes")

    def forward(self, nodes: Float[Tensor, "nodes width"], around: Attended) -> Float[Tensor, "nodes width"]:
        """What the atoms of each molecule tell each other."""
        layout = around.layout
        rows = layout.spread(self.qkv(nodes))
        drops = self.dropout.draws()
        keys = self.dropout.call_keys() if drops else None
        blocks = []
        for group, bias in zip(layout.groups, around.biases, strict=True):
            block = rows[group.places].view(*group.shape, 3, self.heads, -1)
            query, key, value = block.permute(2, 0, 3, 1, 4).unbind(0)
            if bias is not None and bias.is_floating_point():
                bias = bias.to(query.dtype)
            if drops:
                weights = _weights(query, key, bias) * self._kept(group, keys, query)
                found = weights @ value
            else:
                found = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
            blocks.append(found.transpose(1, 2).flatten(2).flatten(0, 1))
        together = torch.cat(blocks) if len(blocks) > 1 else blocks[0]
        return self.out(layout.gather(together))

    def _kept(
        self, group: SizeGroup, keys: Int[Tensor, " nodes"] | None, like: Float[Tensor, "molecules heads size depth"]
    ) -> Float[Tensor, "molecules heads size size"]:
        """The mask of the attention weights; that of two atoms of a molecule belongs to the two."""
        count, size = group.shape
        if keys is None:
            draws = torch.rand(count, self.heads, size, size, device=like.device)
        else:
            atoms = keys[group.nodes]
            pairs = mixed(atoms[:, :, None] + mixed(atoms[:, None, :] ^ 1))
            draws = uniform(pairs, self.heads).permute(0, 3, 1, 2)
        return self.dropout.scaled(draws, like.dtype)


def _weights(
    query: Float[Tensor, "molecules heads size depth"],
    key: Float[Tensor, "molecules heads size depth"],
    bias: Tensor | None,
) -> Float[Tensor, "molecules heads size size"]:
    """softmax(q·k / √d + b); a boolean bias says which keys there are."""
    scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])
    if bias is not None:
        scores = scores + bias if bias.is_floating_point() else scores.masked_fill(~bias, -torch.inf)
    return scores.softmax(3)
