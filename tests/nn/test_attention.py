"""Attention against sums written out in numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from hooke.core.errors import UsageError
from hooke.nn.attention import EPSILON, CrossAttention, QueryKeyNorm, SelfAttention, head_width, join_heads, split_heads


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def norm(row: np.ndarray, module: torch.nn.LayerNorm) -> np.ndarray:
    centred = row - row.mean()
    scaled = centred / math.sqrt(float((centred**2).mean()) + EPSILON)
    return scaled * module.weight.detach().numpy() + module.bias.detach().numpy()


def attend(q: np.ndarray, k: np.ndarray, v: np.ndarray, heads: int) -> np.ndarray:
    """One query row at a time, one head at a time."""
    part = q.shape[1] // heads
    out = np.zeros((len(q), v.shape[1]))
    for row in range(len(q)):
        for head in range(heads):
            own = slice(head * part, (head + 1) * part)
            weights = softmax(np.array([q[row, own] @ k[other, own] / math.sqrt(part) for other in range(len(k))]))
            out[row, own] = sum(weight * v[other, own] for other, weight in enumerate(weights))
    return out


def linear(module: torch.nn.Linear, rows: np.ndarray) -> np.ndarray:
    bias = 0.0 if module.bias is None else module.bias.detach().numpy()
    return rows @ module.weight.detach().numpy().T + bias


@pytest.mark.parametrize("qk_norm", [False, True])
def test_self_attention(qk_norm: bool) -> None:
    torch.manual_seed(0)
    layer = SelfAttention(12, 3, qk_norm=qk_norm, qkv_bias=not qk_norm).double()
    for parameter in layer.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    tokens = torch.randn(2, 5, 12).double()
    for item, found in zip(tokens.numpy(), layer(tokens).detach().numpy(), strict=True):
        q, k, v = np.split(linear(layer.qkv, item), 3, axis=1)
        if qk_norm:
            parts = [slice(4 * head, 4 * head + 4) for head in range(3)]
            q = np.stack([np.concatenate([norm(row[part], layer.norms.query) for part in parts]) for row in q])
            k = np.stack([np.concatenate([norm(row[part], layer.norms.key) for part in parts]) for row in k])
        np.testing.assert_allclose(found, linear(layer.out, attend(q, k, v, 3)), atol=1e-12)


def test_cross_attention() -> None:
    torch.manual_seed(1)
    layer = CrossAttention(8, 2).double()
    tokens, context = torch.randn(2, 3, 8).double(), torch.randn(2, 7, 8).double()
    found = layer(tokens, context).detach().numpy()
    for item in range(2):
        k, v = np.split(linear(layer.key_value, context[item].numpy()), 2, axis=1)
        expected = attend(linear(layer.query, tokens[item].numpy()), k, v, 2)
        np.testing.assert_allclose(found[item], linear(layer.out, expected), atol=1e-12)


def test_heads() -> None:
    rows = torch.randn(2, 5, 12)
    assert split_heads(rows, 3).shape == (2, 3, 5, 4)
    assert torch.equal(join_heads(split_heads(rows, 3)), rows)
    assert head_width(12, 4) == 3
    with pytest.raises(UsageError, match="5 heads do not divide"):
        SelfAttention(12, 5)


def test_norms_are_off_or_on() -> None:
    query, key = torch.randn(1, 2, 3, 4), torch.randn(1, 2, 3, 4)
    assert QueryKeyNorm(4, on=False)(query, key)[0] is query
    torch.testing.assert_close(QueryKeyNorm(4, on=True)(query, key)[1].mean(3), torch.zeros(1, 2, 3), atol=1e-6, rtol=0)
