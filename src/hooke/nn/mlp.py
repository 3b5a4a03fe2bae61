"""Multi-layer perceptrons, activations and normalisations by name."""

from __future__ import annotations

import itertools
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.nn.linear import Linear
from hooke.nn.randomness import ItemDropout

Activation = Literal["relu", "gelu", "silu", "elu", "leaky_relu", "tanh"]
Normalisation = Literal["none", "layer", "batch"]

_ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
}


def activation(name: Activation, *, in_place: bool = False) -> nn.Module:
    """The activation function of this name; `in_place` lets ReLU overwrite its input, which must then have no other reader."""
    return nn.ReLU(inplace=True) if name == "relu" and in_place else _ACTIVATIONS[name]()


class RowBatchNorm(nn.BatchNorm1d):
    """Batch normalisation over rows that also accepts a single row in training (it then uses the running statistics)."""

    def forward(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        """Normalise each column over the rows."""
        if self.training and len(rows) == 1:
            return torch.nn.functional.batch_norm(
                rows, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        return super().forward(rows)


def normalisation(name: Normalisation, width: int) -> nn.Module:
    """The normalisation of this name over rows of `width` columns."""
    if name == "layer":
        return nn.LayerNorm(width)
    return RowBatchNorm(width) if name == "batch" else nn.Identity()


def mlp(
    widths: list[int],
    *,
    activation_name: Activation = "relu",
    normalisation_name: Normalisation = "none",
    dropout: float = 0.0,
    axis: str = "nodes",
) -> nn.Sequential:
    """Linear layers widths[0] → widths[1] → ...; between two of them normalisation, activation, dropout.

    Args:
        widths: At least two widths; two give a single linear layer.
        activation_name: Activation after each hidden layer.
        normalisation_name: Normalisation before each activation.
        dropout: Probability of dropping a hidden unit.
        axis: What the rows are; the masks of dropout belong to them.
    """
    layers: list[nn.Module] = []
    for index, (before, after) in enumerate(itertools.pairwise(widths)):
        if index > 0:
            if normalisation_name != "none":
                layers.append(normalisation(normalisation_name, before))
            layers.append(activation(activation_name, in_place=True))
            if dropout > 0:
                layers.append(ItemDropout(dropout, axis))
        layers.append(Linear(before, after))
    return nn.Sequential(*layers)
