"""Multi-layer perceptron on profiles.

    z = (x - mean) / std, cut at ±10, 0 where missing;    h₀ = z,    h_l = Dropout(σ(Norm(W_l h_{l-1} + b_l))),    embedding h_L

Mean and standard deviation of each feature are those of the training rows; they are saved with the weights.

Source: Rumelhart et al. 1986 (doi:10.1038/323533a0); normalisation of layers and dropout came later.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.cells.batch import ProfileBatch
from hooke.cells.spec import ProfileSpec
from hooke.nn.mlp import Activation, Normalisation, activation, mlp, normalisation

_FARTHEST = 10.0  # standard deviations


@dataclass(frozen=True)
class Config:
    """Sizes."""

    width: int = 256
    depth: int = 2  # linear layers
    dropout: float = 0.2  # between them
    activation: Activation = "gelu"
    normalisation: Normalisation = "layer"


PRESETS: dict[str, Config] = {"tiny": Config(width=32), "small": Config(), "medium": Config(width=1024, depth=3)}


class Model(nn.Module):
    """The perceptron.

    Args:
        config: Sizes.
        spec: Its features, in this order, and their statistics.
    """

    modality = "cells"
    tail = ("last",)
    mean: Tensor
    std: Tensor

    def __init__(self, config: Config, spec: ProfileSpec) -> None:
        super().__init__()
        self.width, inputs = config.width, len(spec.features)
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("std", torch.ones(inputs))
        if spec.feature_statistics is not None:
            self.mean.copy_(torch.from_numpy(spec.feature_statistics.mean))
            self.std.copy_(torch.from_numpy(spec.feature_statistics.std))
        widths = [inputs, *[config.width] * config.depth]
        self.layers = mlp(
            widths, activation_name=config.activation, normalisation_name=config.normalisation, dropout=config.dropout,
            axis="profiles",
        )  # fmt: skip
        self.last = nn.Sequential(normalisation(config.normalisation, config.width), activation(config.activation))

    def forward(self, batch: ProfileBatch) -> Float[Tensor, "profiles width"]:
        """One row a profile."""
        scaled = (batch.values.to(self.mean.dtype) - self.mean) / self.std
        scaled = torch.where(scaled.isfinite(), scaled, 0).clamp(-_FARTHEST, _FARTHEST)
        return self.last(self.layers(scaled))

    def embed(self, batch: ProfileBatch) -> Float[Tensor, "profiles width"]:
        """One row a profile."""
        return self.forward(batch)
