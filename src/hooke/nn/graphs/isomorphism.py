"""The update that GIN and GINE share.

What follows the update of a layer: normalisation, activation, dropout, and the way around it.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from hooke.nn.mlp import Activation, Normalisation, activation, mlp, normalisation
from hooke.nn.randomness import ItemDropout


class Residual(nn.Module):
    """x + Dropout(σ(Norm(update))), or without the sum when `add` is False."""

    def __init__(
        self,
        width: int,
        normalisation_name: Normalisation,
        activation_name: Activation,
        dropout: float,
        *,
        add: bool,
        axis: str = "nodes",
    ) -> None:
        super().__init__()
        self.normalisation = normalisation(normalisation_name, width)
        self.activation = activation(activation_name, in_place=normalisation_name != "none")
        self.dropout = ItemDropout(dropout, axis)
        self.add = add

    def forward(
        self, states: Float[Tensor, "rows width"], update: Float[Tensor, "rows width"]
    ) -> Float[Tensor, "rows width"]:
        """The states after the layer."""
        change = self.dropout(self.activation(self.normalisation(update)))
        return states + change if self.add else change


class IsomorphismUpdate(nn.Module):
    """h_v' = h_v + Dropout(σ(Norm(MLP((1 + ε) h_v + s_v)))), with the summed messages s; ε is learned from 0."""

    def __init__(
        self,
        width: int,
        *,
        mlp_layers: int,
        normalisation: Normalisation,
        activation: Activation,
        dropout: float,
        residual: bool,
    ) -> None:
        super().__init__()
        self.epsilon = nn.Parameter(torch.zeros(()))
        self.mlp = mlp([width] * (mlp_layers + 1), activation_name=activation)
        self.after = Residual(width, normalisation, activation, dropout, add=residual)

    def forward(
        self, states: Float[Tensor, "nodes width"], summed: Float[Tensor, "nodes width"]
    ) -> Float[Tensor, "nodes width"]:
        """New node states."""
        return self.after(states, self.mlp(_Scaled.apply(summed, states, self.epsilon)))


class _Scaled(torch.autograd.Function):
    """s + (1 + ε) h; the gradient of ε is one dot product, without a matrix between."""

    @staticmethod
    def forward(ctx: Any, summed: Tensor, states: Tensor, epsilon: Tensor) -> Tensor:
        ctx.save_for_backward(states, epsilon)
        return torch.addcmul(summed, states, 1 + epsilon)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Gradients of summed, states and epsilon."""
        states, epsilon = ctx.saved_tensors
        grad = grad.contiguous()
        return grad, grad * (1 + epsilon), torch.dot(grad.flatten(), states.flatten())
