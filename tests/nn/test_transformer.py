"""Blocks against a slow reference: one token, one head at a time, in numpy float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from hooke.core.errors import UsageError
from hooke.nn.masking import take
from hooke.nn.transformer import (
    LayerScale,
    ParallelBlock,
    SerialBlock,
    StochasticDepth,
    Transformer,
    check_block,
    initialise,
)


class Weights:
    def __init__(self, module: nn.Module) -> None:
        self.values = {name: tensor.detach().numpy() for name, tensor in module.state_dict().items()}

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return self.values[f"{name}.weight"] @ x + self.values.get(f"{name}.bias", 0.0)

    def norm(self, name: str, x: np.ndarray) -> np.ndarray:
        spread = math.sqrt(sum((value - x.mean()) ** 2 for value in x) / len(x) + 1e-6)
        return (x - x.mean()) / spread * self.values[f"{name}.weight"] + self.values[f"{name}.bias"]


def gelu(x: np.ndarray) -> np.ndarray:
    return np.array([value * 0.5 * (1 + math.erf(value / math.sqrt(2))) for value in x])


def attention(
    q: list[np.ndarray], k: list[np.ndarray], v: list[np.ndarray], heads: int, weights: Weights, norms: str | None
) -> list[np.ndarray]:
    part = len(q[0]) // heads
    out = []
    for i in range(len(q)):
        row = []
        for head in range(heads):
            own = slice(head * part, (head + 1) * part)
            query = weights.norm(f"{norms}.query", q[i][own]) if norms else q[i][own]
            keys = [weights.norm(f"{norms}.key", other[own]) if norms else other[own] for other in k]
            powers = [math.exp(float(query @ key) / math.sqrt(part)) for key in keys]
            row.append(sum(p * value[own] for p, value in zip(powers, v, strict=True)) / sum(powers))
        out.append(np.concatenate(row))
    return out


def serial(weights: Weights, tokens: list[np.ndarray], heads: int, *, qk_norm: bool) -> list[np.ndarray]:
    width = len(tokens[0])
    rows = [weights.linear("attention.qkv", weights.norm("attention_norm", x)) for x in tokens]
    q, k, v = ([row[at * width : (at + 1) * width] for row in rows] for at in range(3))
    found = attention(q, k, v, heads, weights, "attention.norms" if qk_norm else None)
    scales = [weights.values.get(f"{name}_scale.gamma", 1.0) for name in ("attention", "mlp")]
    tokens = [x + scales[0] * weights.linear("attention.out", a) for x, a in zip(tokens, found, strict=True)]
    return [
        x + scales[1] * weights.linear("out", gelu(weights.linear("hidden", weights.norm("mlp_norm", x))))
        for x in tokens
    ]


def parallel(weights: Weights, tokens: list[np.ndarray], heads: int, *, qk_norm: bool) -> list[np.ndarray]:
    width = len(tokens[0])
    hidden = len(weights.values["mlp_out.weight"][0])
    rows = [weights.values["projection.weight"] @ weights.norm("norm", x) for x in tokens]
    for row in rows:
        row[: len(weights.values["bias"])] += weights.values["bias"]
    q, k, v = ([row[hidden + at * width :][:width] for row in rows] for at in range(3))
    found = attention(q, k, v, heads, weights, "norms" if qk_norm else None)
    scale = weights.values.get("scale.gamma", 1.0)
    return [
        x + scale * (weights.linear("attention_out", a) + weights.linear("mlp_out", gelu(row[:hidden])))
        for x, a, row in zip(tokens, found, rows, strict=True)
    ]


@pytest.mark.parametrize(("kind", "reference"), [(SerialBlock, serial), (ParallelBlock, parallel)])
@pytest.mark.parametrize("qkv_bias", [False, True])
@pytest.mark.parametrize("qk_norm", [False, True])
@pytest.mark.parametrize("layer_scale", [0.0, 0.1])
def test_blocks(kind: type, reference: object, qkv_bias: bool, qk_norm: bool, layer_scale: float) -> None:
    torch.manual_seed(0)
    block = kind(12, 3, mlp_width=20, qkv_bias=qkv_bias, qk_norm=qk_norm, layer_scale=layer_scale, drop=0.0).double()
    for parameter in block.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    tokens = torch.randn(2, 5, 12).double()
    found = block(tokens).detach().numpy()
    weights = Weights(block)
    for item in range(2):
        expected = reference(weights, list(tokens[item].numpy()), 3, qk_norm=qk_norm)
        np.testing.assert_allclose(found[item], np.stack(expected), atol=1e-11)


def test_stochastic_depth_drops_whole_items() -> None:
    torch.manual_seed(0)
    layer, rows = StochasticDepth(0.25), torch.ones(4000, 2, 3)
    found = layer.train()(rows)
    assert set(found.unique().tolist()) == {0.0, float(torch.tensor(1.0) / 0.75)}
    assert (found == found[:, :1, :1]).all()
    assert abs(float(found.mean()) - 1) < 0.05
    assert layer.eval()(rows) is rows
    assert StochasticDepth(0.0).train()(rows) is rows


def test_depth_raises_the_rate() -> None:
    stack = Transformer(8, 5, 2, stochastic_depth=0.4)
    assert [round(block.drop.p, 6) for block in stack.blocks] == [0, 0.1, 0.2, 0.3, 0.4]
    with pytest.raises(UsageError, match="stochastic_depth"):
        Transformer(8, 5, 2, stochastic_depth=1.0)


def test_some_blocks_and_checkpointing() -> None:
    torch.manual_seed(0)
    stack, tokens = Transformer(8, 3, 2, kind="parallel").double(), torch.randn(2, 4, 8).double()
    assert torch.equal(stack(stack(tokens, last=2), first=2), stack(tokens))
    grads = []
    for checkpointing in (False, True):
        stack.checkpointing = checkpointing
        stack.zero_grad()
        stack.train()(tokens).square().sum().backward()
        grads.append([parameter.grad.clone() for parameter in stack.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize(("depth", "qkv_bias"), [(2, True), (1, False), (0, True)])
def test_some_tokens_are_those_of_all(depth: int, qkv_bias: bool, checkpointing: bool) -> None:
    torch.manual_seed(0)
    stack = Transformer(8, depth, 2, qkv_bias=qkv_bias, layer_scale=0.1).double().train()
    stack.checkpointing = checkpointing
    tokens = torch.randn(3, 7, 8, dtype=torch.float64, requires_grad=True)
    wanted = torch.stack([torch.randperm(7)[:4] for _ in range(3)])
    some, all_of_them = stack.some(tokens, wanted), take(stack(tokens), wanted)
    assert torch.allclose(some, all_of_them, atol=1e-12)
    weights = torch.randn_like(some)
    parameters = [tokens, *stack.parameters()]
    pairs = [torch.autograd.grad((found * weights).sum(), parameters) for found in (some, all_of_them)]
    assert all(torch.allclose(one, other, atol=1e-12) for one, other in zip(*pairs, strict=True))


def test_numbers_of_blocks() -> None:
    assert [check_block(number, 4) for number in (1, 4, -1, -4)] == [1, 4, 4, 1]
    for number in (0, 5, -5):
        with pytest.raises(UsageError, match="must be 1 to 4"):
            check_block(number, 4)


def test_initialisation() -> None:
    layers = nn.Sequential(nn.Linear(30, 50), nn.Linear(50, 3, bias=False))
    initialise(layers)
    assert not layers[0].bias.any()
    assert float(layers[0].weight.detach().abs().max()) <= math.sqrt(6 / 80)
    assert torch.equal(LayerScale(3, 0.5)(torch.ones(2, 3)), torch.full((2, 3), 0.5))
