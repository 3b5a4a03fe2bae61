"""`group_dro`: a classifier trained for the experimental batches in which it is worst.

    loss = Σ_d q_d L_d;  q_d ← q_d exp(η L_d) after each step, for the batches seen in it, and normalised

q is a buffer of the network and saved with it. In evaluation the loss is the plain mean.

Source: Sagawa et al. 2020 (arXiv 1911.08731), in the form of WILDS (arXiv 2012.07421).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hooke.core.errors import UsageError
from hooke.images.batch import ImageBatch
from hooke.images.spec import ImageSpec
from hooke.images.tiles import Symmetry
from hooke.nn.domain_losses import group_losses
from hooke.nn.images.classification import UNLABELLED, ClassificationTask, domains_of, mean_over_labelled
from hooke.nn.images.network import Classified, ClassifierNetwork


@dataclass(frozen=True)
class Config:
    """Target, regularisation and speed of the weights."""

    target: str = "perturbation"  # name of the labels
    label_smoothing: float = 0.0
    dropout: float = 0.0  # before the head
    symmetry: Symmetry = "dihedral"  # random turns and flips in training; quarter turns need square images
    rate: float = 0.01  # η


class Task(ClassificationTask):
    """Cross-entropy weighted by experimental batch.

    Raises:
        UsageError: Fewer than two experimental batches in training.
    """

    def __init__(self, config: Config, spec: ImageSpec) -> None:
        super().__init__(config, spec)
        if self.domains < 2:
            raise UsageError(f"group_dro needs two or more experimental batches in training, got {self.domains}")

    def network(self, encoder: nn.Module) -> ClassifierNetwork:
        """The encoder with a head, and equal weights of the batches."""
        network = super().network(encoder)
        network.register_buffer("group_weights", torch.full((self.domains,), 1 / self.domains))
        return network

    def combine(
        self, network: nn.Module, batch: ImageBatch, output: Classified, each: Tensor, labels: Tensor, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum; in training the weights are moved first."""
        if not network.training:
            return mean_over_labelled(each, labels), {}
        known = labels != UNLABELLED
        losses, _ = group_losses(each[known], domains_of(batch, "group_dro", self.domains)[known], self.domains)
        weights: Any = network.group_weights
        moved = weights * (self.config.rate * losses.detach().to(weights.dtype)).exp()
        weights.copy_(moved / moved.sum())
        return (weights.to(losses.dtype) * losses).sum(), {"largest_weight": weights.max()}
