"""`dann`: a classifier whose embeddings do not tell which experimental batch an image is from.

    loss = cross-entropy + cross-entropy of a batch classifier, whose gradient enters the encoder times -λ

Source: Ganin et al. 2016 (arXiv 1505.07818); λ rises as 2 / (1 + e^(-10 t)) - 1 over `ramp_steps`, t from 0 to 1.
Differs from the paper: the batches are those of training, as in WILDS without unlabelled data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import UsageError
from hooke.images.batch import ImageBatch
from hooke.images.spec import ImageSpec
from hooke.images.tiles import Symmetry
from hooke.nn.domain_losses import reverse_gradient
from hooke.nn.images.classification import ClassificationTask, domains_of, mean_over_labelled
from hooke.nn.images.network import Classified, ClassifierNetwork
from hooke.nn.mlp import mlp


@dataclass(frozen=True)
class Config:
    """Target, regularisation and adversary."""

    target: str = "perturbation"  # name of the labels
    label_smoothing: float = 0.0
    dropout: float = 0.0  # before the head
    symmetry: Symmetry = "dihedral"  # random turns and flips in training; quarter turns need square images
    penalty: float = 1.0  # λ at the end of the ramp
    ramp_steps: int = 0  # steps over which λ rises; 0: none
    hidden_width: int = 256  # of the batch classifier


class Task(ClassificationTask):
    """Cross-entropy and an adversary.

    Raises:
        UsageError: Fewer than two experimental batches in training.
    """

    def __init__(self, config: Config, spec: ImageSpec) -> None:
        super().__init__(config, spec)
        if self.domains < 2:
            raise UsageError(f"dann needs two or more experimental batches in training, got {self.domains}")

    def network(self, encoder: nn.Module) -> ClassifierNetwork:
        """The encoder with a head and a batch classifier."""
        network = super().network(encoder)
        width: Any = encoder.width
        network.adversary = mlp([int(width), self.config.hidden_width, self.domains])
        return network

    def strength(self, step: int) -> float:
        """λ at a step."""
        if not self.config.ramp_steps:
            return self.config.penalty
        done = min(1.0, step / self.config.ramp_steps)
        return self.config.penalty * (2 / (1 + math.exp(-10 * done)) - 1)

    def combine(
        self, network: nn.Module, batch: ImageBatch, output: Classified, each: Tensor, labels: Tensor, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean and adversary; batches unknown to training take no part in the second."""
        adversary: Any = network.adversary
        known = self.domains if network.training else 0
        domains = domains_of(batch, "dann", known)
        domains = domains.masked_fill(domains >= self.domains, -1)
        logits = adversary(reverse_gradient(output.embedding, self.strength(step))).to(each.dtype)
        losses = functional.cross_entropy(logits, domains, ignore_index=-1, reduction="none")
        count = (domains >= 0).sum().clamp(min=1)
        loss = losses.sum() / count
        correct = ((logits.argmax(1) == domains).sum() / count).detach()
        return mean_over_labelled(each, labels) + loss, {"adversary": loss, "adversary_accuracy": correct}
