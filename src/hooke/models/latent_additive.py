"""Latent additive model: the state of the cells and what was done to them, each encoded by a perceptron, add up in a latent space.

    latent = Enc(x) + PertEnc(p)        change = decoder(latent)  (`tasks.response`; `space = "expression"` for the softplus of the paper)

p counts the perturbed genes. Nothing is known of a gene that was never perturbed in training: such conditions have the mean and a flag.

Source: Wu et al. 2024, PerturBench (arXiv:2408.10609). Written from the formula.
Differs: compounds by a molecule encoder; layer normalisation, see `nn.cells.perturbation_encoder`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.cells.batch import ResponseBatch
from hooke.cells.response_spec import ResponseSpec
from hooke.nn.cells.perturbation_encoder import PerturbationEncoder, sums_of
from hooke.nn.linear import Linear
from hooke.nn.randomness import ItemDropout


@dataclass(frozen=True)
class Config:
    """Sizes."""

    width: int = 64  # of the latent space
    hidden: int = 512  # of the perceptrons
    dropout: float = 0.1


PRESETS: dict[str, Config] = {
    "tiny": Config(width=16, hidden=16),
    "small": Config(hidden=128),
    "paper": Config(hidden=5376),
}


class Model(PerturbationEncoder):
    """The encoder."""

    stacks = ("basal", "last")

    def __init__(self, config: Config, spec: ResponseSpec) -> None:
        super().__init__(spec, width=config.width, hidden=config.hidden, dropout=config.dropout, basal=True)
        self.genes = nn.Parameter(torch.randn(len(spec.graph), config.hidden) / config.hidden**0.5)
        self.last = nn.Sequential(
            nn.LayerNorm(config.hidden), nn.LeakyReLU(), ItemDropout(config.dropout, "conditions"), Linear(config.hidden, config.width)
        )  # fmt: skip

    def perturbed(
        self, batch: ResponseBatch, gates: Float[Tensor, " graph_edges"] | None = None
    ) -> Float[Tensor, "conditions width"]:
        """See `PerturbationEncoder.perturbed`; the model has no graph, and gates mean nothing to it."""
        return self.last(sums_of(self.genes, batch))
