"""Attention among the atoms of each molecule.

    y_v = W_o Σ_u softmax_u(q_v·k_u / √d + b_vu) v_u,   u over all atoms of v's molecule

for each head, with an optional bias b. Queries, keys and values are computed once for each node; only the pairs are
padded, block by block (`nn.graphs.size_groups`); on the CPU by products of our own (`nn.graphs.block_attention`), elsewhere by fused kernels.

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
from hooke.nn.graphs.block_attention import block_attention
from hooke.nn.graphs.segment import Edges
from hooke.nn.graphs.size_groups import SizeGroup, SizeLayout
from hooke.nn.item_noise import mixed, uniform
from hooke.nn.randomness import ItemDropout


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
        else:
            absent = ~group.present[:, None, None, :]
            base = absent.new_zeros((), dtype=torch.float32) if bias is None else bias
            found.append(base.masked_fill(absent, -torch.inf))
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
        rows = self.qkv(nodes)
        biases = [None if bias is None else bias.to(rows.dtype) for bias in around.biases]
        by_blocks = rows.device.type == "cpu" and rows.dtype in (torch.float32, torch.float64)
        attend = block_attention if by_blocks else fused_attention
        return self.out(attend(rows, around.layout, self.heads, biases, self._all_kept(around.layout, rows)))

    def _all_kept(self, layout: SizeLayout, like: Float[Tensor, "nodes width"]) -> list[Tensor | None]:
        """What dropout keeps of the weights of each block; nothing without dropout."""
        if not self.dropout.draws():
            return []
        keys = self.dropout.call_keys()
        return [self._kept(group, keys, like) for group in layout.groups]

    def _kept(
        self, group: SizeGroup, keys: Int[Tensor, " nodes"] | None, like: Float[Tensor, "nodes width"]
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


def fused_attention(
    rows: Float[Tensor, "nodes three_widths"],
    layout: SizeLayout,
    heads: int,
    biases: Sequence[Tensor | None],
    kept: Sequence[Tensor | None] = (),
) -> Float[Tensor, "nodes width"]:
    """The same as `block_attention` through torch's fused kernels, for other devices and reduced precision."""
    blocks = []
    parts = layout.spread(rows).split([group.nodes.numel() for group in layout.groups])
    for group, part, bias, scale in zip(layout.groups, parts, biases, kept or [None] * len(parts), strict=True):
        query, key, value = part.view(*group.shape, 3, heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        if scale is None:
            found = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        else:
            found = (_weights(query, key, bias) * scale) @ value
        blocks.append(found.transpose(1, 2).flatten(2).flatten(0, 1))
    return layout.gather(torch.cat(blocks) if len(blocks) > 1 else blocks[0])


def _weights(
    query: Float[Tensor, "molecules heads size depth"],
    key: Float[Tensor, "molecules heads size depth"],
    bias: Tensor | None,
) -> Float[Tensor, "molecules heads size size"]:
    """softmax(q·k / √d + b)."""
    scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[3])
    return (scores if bias is None else scores + bias).softmax(3)
