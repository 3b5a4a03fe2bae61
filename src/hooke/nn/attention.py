"""Attention of image tokens through torch's fused kernel: among themselves, or to a context.

    Attention(q, k, v) = softmax(q kᵀ / √d) v

Source: Vaswani et al. 2017 (arXiv 1706.03762); QK norm: Dehghani et al. 2023 (arXiv 2302.05442).
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import UsageError

EPSILON = 1e-6  # of every layer norm in the image transformers


def head_width(width: int, heads: int) -> int:
    """Width of one head.

    Raises:
        UsageError: The heads do not divide the width.
    """
    if heads < 1 or width % heads:
        raise UsageError(f"{heads} heads do not divide a width of {width}; choose a divisor")
    return width // heads


def split_heads(rows: Float[Tensor, "items tokens width"], heads: int) -> Float[Tensor, "items heads tokens part"]:
    """Cut the width into heads."""
    return rows.unflatten(2, (heads, -1)).transpose(1, 2)


def join_heads(rows: Float[Tensor, "items heads tokens part"]) -> Float[Tensor, "items tokens width"]:
    """The reverse of `split_heads`."""
    return rows.transpose(1, 2).flatten(2)


class QueryKeyNorm(nn.Module):
    """Layer normalisation of the queries and of the keys within each head; both are left alone when it is off."""

    def __init__(self, width: int, *, on: bool) -> None:
        super().__init__()
        self.query = nn.LayerNorm(width, eps=EPSILON) if on else nn.Identity()
        self.key = nn.LayerNorm(width, eps=EPSILON) if on else nn.Identity()

    def forward(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised queries and keys, in the type they came in."""
        return self.query(query).to(query.dtype), self.key(key).to(key.dtype)


class SelfAttention(nn.Module):
    """Multi-head self-attention with one projection for queries, keys and values."""

    def __init__(self, width: int, heads: int, *, qkv_bias: bool = True, qk_norm: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.norms = QueryKeyNorm(head_width(width, heads), on=qk_norm)
        self.qkv = nn.Linear(width, 3 * width, bias=qkv_bias)
        self.out = nn.Linear(width, width)

    def forward(
        self,
        tokens: Float[Tensor, "items tokens width"],
        asking: Float[Tensor, "items asking width"] | None = None,
    ) -> Float[Tensor, "items answered width"]:
        """What the tokens of each item tell each other, or only what they tell those of them that are `asking`."""
        if asking is None:
            query, key, value = self.qkv(tokens).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        else:
            width = tokens.shape[2]
            bias = (None, None) if self.qkv.bias is None else (self.qkv.bias[:width], self.qkv.bias[width:])
            query = split_heads(functional.linear(asking, self.qkv.weight[:width], bias[0]), self.heads)
            pair = functional.linear(tokens, self.qkv.weight[width:], bias[1])
            key, value = pair.unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        query, key = self.norms(query, key)
        return self.out(join_heads(functional.scaled_dot_product_attention(query, key, value)))


class CrossAttention(nn.Module):
    """Multi-head attention of query tokens to context tokens."""

    def __init__(self, width: int, heads: int, *, qkv_bias: bool = False) -> None:
        super().__init__()
        head_width(width, heads)
        self.heads = heads
        self.query = nn.Linear(width, width, bias=qkv_bias)
        self.key_value = nn.Linear(width, 2 * width, bias=qkv_bias)
        self.out = nn.Linear(width, width)

    def forward(
        self, tokens: Float[Tensor, "items queries width"], context: Float[Tensor, "items context width"]
    ) -> Float[Tensor, "items queries width"]:
        """What the context tells each token."""
        key, value = torch.chunk(self.key_value(context), 2, dim=2)
        query = split_heads(self.query(tokens), self.heads)
        found = functional.scaled_dot_product_attention(
            query, split_heads(key, self.heads), split_heads(value, self.heads)
        )
        return self.out(join_heads(found))
