"""What follows the update of a layer: normalisation, activation, dropout, and the way around it."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from hooke.nn.mlp import Activation, Normalisation, activation, normalisation
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
