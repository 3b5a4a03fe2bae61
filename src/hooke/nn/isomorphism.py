"""The update that GIN and GINE share."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.nn.mlp import Activation, Normalisation, mlp
from hooke.nn.residual import Residual


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
        return self.after(states, self.mlp(torch.addcmul(summed, states, 1 + self.epsilon)))
