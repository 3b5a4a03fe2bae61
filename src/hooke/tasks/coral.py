"""`coral`: a classifier whose embeddings have the same mean and covariance in every experimental batch.

    loss = cross-entropy + λ mean over pairs of batches of [ mean (μ_a - μ_b)² + mean (Σ_a - Σ_b)² ]

Source: Sun and Saenko 2016 (arXiv 1607.01719), in the form of WILDS (arXiv 2012.07421); λ = 0.1 for RxRx1.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from hooke.images.batch import ImageBatch
from hooke.images.tiles import Symmetry
from hooke.nn.domain_losses import coral_penalty, rows_by_domain
from hooke.nn.images.classification import ClassificationTask, domains_of, mean_over_labelled
from hooke.nn.images.network import Classified


@dataclass(frozen=True)
class Config:
    """Target, regularisation and penalty."""

    target: str = "perturbation"  # name of the labels
    label_smoothing: float = 0.0
    dropout: float = 0.0  # before the head
    symmetry: Symmetry = "dihedral"  # random turns and flips in training; quarter turns need square images
    penalty: float = 0.1  # λ


class Task(ClassificationTask):
    """Cross-entropy and CORAL."""

    def combine(
        self, network: nn.Module, batch: ImageBatch, output: Classified, each: Tensor, labels: Tensor, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Mean and penalty."""
        embedding = output.embedding.to(each.dtype)
        penalty = coral_penalty(embedding, rows_by_domain(domains_of(batch, "coral")))
        return mean_over_labelled(each, labels) + self.config.penalty * penalty, {"penalty": penalty}
