from __future__ import annotations

import pytest
import torch
from torch import nn

from hooke.nn.linear import Linear
from hooke.nn.mlp import RowBatchNorm, activation, mlp, normalisation
from hooke.nn.randomness import ItemDropout


def test_layers_in_order() -> None:
    layers = mlp([3, 4, 5, 2], activation_name="silu", normalisation_name="layer", dropout=0.1)
    kinds = [Linear, nn.LayerNorm, nn.SiLU, ItemDropout] * 2 + [Linear]
    assert [type(layer) for layer in layers] == kinds
    assert layers(torch.zeros(7, 3)).shape == (7, 2)
    assert [type(layer) for layer in mlp([3, 2])] == [Linear]


@pytest.mark.parametrize("name", ["relu", "gelu", "silu", "elu", "leaky_relu", "tanh"])
def test_activations(name: str) -> None:
    assert activation(name)(torch.zeros(2)).tolist() == [0, 0]


def test_normalisations() -> None:
    assert isinstance(normalisation("none", 3), nn.Identity)
    assert isinstance(normalisation("layer", 3), nn.LayerNorm)
    assert isinstance(normalisation("batch", 3), RowBatchNorm)


def test_batch_norm_of_one_row() -> None:
    """In training a single row has no variance: the running statistics stand in."""
    norm = RowBatchNorm(3).train()
    norm(torch.randn(50, 3) * 2 + 1)
    row = torch.randn(1, 3)
    expected = norm.eval()(row)
    assert torch.equal(norm.train()(row), expected)
    torch.testing.assert_close(norm(torch.randn(50, 3)).mean(0), torch.zeros(3), atol=1e-5, rtol=0)
