"""Blocks of vision transformers, and a stack of them.

    serial:   x ← x + γ₁ Attention(LN x);  x ← x + γ₂ MLP(LN x)
    parallel: x ← x + γ (Attention(LN x) + MLP(LN x)), both from one projection of one LN x

γ are the learned layer scales (1 and not learned without them). In training, stochastic depth drops a whole update of an
item with probability p_i = p i / (depth - 1) in block i.

Source: Dosovitskiy et al. 2021 (arXiv 2010.11929); parallel blocks and QK norm: Dehghani et al. 2023 (arXiv 2302.05442);
layer scale: Touvron et al. 2021 (arXiv 2103.17239); stochastic depth: Huang et al. 2016 (arXiv 1603.09382).
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from hooke.core.errors import UsageError
from hooke.nn.attention import EPSILON, QueryKeyNorm, SelfAttention, head_width, join_heads, split_heads
from hooke.nn.masking import take

BlockKind = Literal["serial", "parallel"]


class StochasticDepth(nn.Dropout):
    """Drops the whole update of an item with probability p, and scales the others by 1 / (1 - p)."""

    def forward(self, update: Float[Tensor, "items tokens width"]) -> Float[Tensor, "items tokens width"]:
        """The update in evaluation, or what is left of it in training."""
        if not self.training or self.p == 0:
            return update
        kept = torch.empty(len(update), 1, 1, dtype=update.dtype, device=update.device).bernoulli_(1 - self.p)
        return update * (kept / (1 - self.p))


class LayerScale(nn.Module):
    """γ x with a learned γ for each column, starting from `start`."""

    def __init__(self, width: int, start: float) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), start))

    def forward(self, rows: Float[Tensor, "*rows width"]) -> Float[Tensor, "*rows width"]:
        """The scaled rows."""
        return rows * self.gamma


def _scale(width: int, start: float) -> nn.Module:
    return LayerScale(width, start) if start else nn.Identity()


class SerialBlock(nn.Module):
    """Attention, then an MLP, each with its own way around it."""

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        mlp_width: int,
        qkv_bias: bool,
        qk_norm: bool,
        layer_scale: float,
        drop: float,
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=EPSILON)
        self.attention = SelfAttention(width, heads, qkv_bias=qkv_bias, qk_norm=qk_norm)
        self.attention_scale = _scale(width, layer_scale)
        self.mlp_norm = nn.LayerNorm(width, eps=EPSILON)
        self.hidden = nn.Linear(width, mlp_width)
        self.out = nn.Linear(mlp_width, width)
        self.mlp_scale = _scale(width, layer_scale)
        self.drop = StochasticDepth(drop)

    def forward(
        self, tokens: Float[Tensor, "items tokens width"], wanted: Int[Tensor, "items wanted"] | None = None
    ) -> Float[Tensor, "items after width"]:
        """The tokens after the block; of each item only those that are `wanted`, which costs less than all of them."""
        rows = self.attention_norm(tokens)
        if wanted is None:
            told = self.attention(rows)
        else:
            tokens, told = take(tokens, wanted), self.attention(rows, take(rows, wanted))
        tokens = tokens + self.drop(self.attention_scale(told))
        update = self.out(functional.gelu(self.hidden(self.mlp_norm(tokens))))
        return tokens + self.drop(self.mlp_scale(update))


class ParallelBlock(nn.Module):
    """Attention and MLP side by side, from one normalisation and one projection: [hidden, query, key, value].

    The projection's bias covers the hidden part, and the rest only with `qkv_bias`; the zeros in between are no parameters.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        mlp_width: int,
        qkv_bias: bool,
        qk_norm: bool,
        layer_scale: float,
        drop: float,
    ) -> None:
        super().__init__()
        self.heads, self.parts = heads, [mlp_width, width, width, width]
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.norms = QueryKeyNorm(head_width(width, heads), on=qk_norm)
        self.projection = nn.Linear(width, sum(self.parts), bias=False)
        self.bias = nn.Parameter(torch.zeros(sum(self.parts) if qkv_bias else mlp_width))
        self.attention_out = nn.Linear(width, width)
        self.mlp_out = nn.Linear(mlp_width, width)
        self.scale = _scale(width, layer_scale)
        self.drop = StochasticDepth(drop)

    def forward(self, tokens: Float[Tensor, "items tokens width"]) -> Float[Tensor, "items tokens width"]:
        """The tokens after the block."""
        bias = functional.pad(self.bias, (0, sum(self.parts) - len(self.bias)))
        hidden, query, key, value = functional.linear(self.norm(tokens), self.projection.weight, bias).split(
            self.parts, dim=2
        )
        query, key = self.norms(split_heads(query, self.heads), split_heads(key, self.heads))
        attended = functional.scaled_dot_product_attention(query, key, split_heads(value, self.heads))
        update = self.attention_out(join_heads(attended)) + self.mlp_out(functional.gelu(hidden))
        return tokens + self.drop(self.scale(update))


class Transformer(nn.Module):
    """A stack of blocks.

    Attributes:
        checkpointing: Whether training recomputes each block in the backward pass instead of keeping its activations.
    """

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        *,
        mlp_ratio: float = 4.0,
        kind: BlockKind = "serial",
        qkv_bias: bool = True,
        qk_norm: bool = False,
        layer_scale: float = 0.0,
        stochastic_depth: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= stochastic_depth < 1:
            raise UsageError(f"stochastic_depth must be in [0, 1), got {stochastic_depth}")
        self.checkpointing = False
        make = ParallelBlock if kind == "parallel" else SerialBlock
        self.blocks = nn.ModuleList(
            make(
                width,
                heads,
                mlp_width=round(mlp_ratio * width),
                qkv_bias=qkv_bias,
                qk_norm=qk_norm,
                layer_scale=layer_scale,
                drop=stochastic_depth * index / max(1, depth - 1),
            )
            for index in range(depth)
        )

    def forward(
        self, tokens: Float[Tensor, "items tokens width"], *, first: int = 0, last: int | None = None
    ) -> Float[Tensor, "items tokens width"]:
        """The tokens after blocks first ... last - 1 (to the end without `last`)."""
        for block in list(self.blocks)[first:last]:
            tokens = self._through(block, tokens)
        return tokens

    def some(
        self, tokens: Float[Tensor, "items tokens width"], wanted: Int[Tensor, "items wanted"]
    ) -> Float[Tensor, "items wanted width"]:
        """The wanted tokens of each item after all (serial) blocks; the last block is computed for them alone."""
        if not len(self.blocks):
            return take(tokens, wanted)
        return self._through(self.blocks[-1], self(tokens, last=-1), wanted)

    def _through(self, block: nn.Module, tokens: Tensor, *wanted: Tensor) -> Tensor:
        if self.checkpointing and self.training:
            return checkpoint(block, tokens, *wanted, use_reentrant=False)
        return block(tokens, *wanted)


def check_block(block: int, depth: int, what: str = "block") -> int:
    """The number of blocks to run for `block=`: 1 ... depth, or negative, counted from the end (-1 is the last).

    Raises:
        UsageError: There is no such block.
    """
    number = depth + 1 + block if block < 0 else block
    if not 1 <= number <= depth:
        raise UsageError(f"{what} must be 1 to {depth}, or -1 to -{depth} from the end; got {block}")
    return number


def initialise(module: nn.Module) -> None:
    """Linear weights by Xavier's uniform rule and biases 0, as in He et al. 2022 (arXiv 2111.06377)."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
