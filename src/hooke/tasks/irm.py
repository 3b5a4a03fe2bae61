"""`irm`: invariant risk minimisation, a classifier that is at its best in every experimental batch at once.

    loss = mean over batches of L_d + λ mean over batches of g_even g_odd,  g = d/ds L_d(s z) at s = 1, on two halves

Before `anneal_steps` λ is 1.

Source: Arjovsky et al. 2019 (arXiv 1907.02893), in the form of WILDS (arXiv 2012.07421); λ = 1 for RxRx1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hooke.images.batch import ImageBatch
from hooke.images.tiles import Symmetry
from hooke.nn.domain_losses import irm_penalty, rows_by_domain
from hooke.nn.images.classification import UNLABELLED, ClassificationTask, domains_of
from hooke.nn.images.network import Classified


@dataclass(frozen=True)
class Config:
    """Target, regularisation and penalty."""

    target: str = "perturbation"  # name of the labels
    label_smoothing: float = 0.0
    dropout: float = 0.0  # before the head
    symmetry: Symmetry = "dihedral"  # random turns and flips in training; quarter turns need square images
    penalty: float = 1.0  # λ after the annealing
    anneal_steps: int = 0  # steps with λ = 1


class Task(ClassificationTask):
    """Cross-entropy and the invariance penalty."""

    def combine(
        self, network: nn.Module, batch: ImageBatch, output: Classified, each: Tensor, labels: Tensor, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Means of the batches and penalty, of the labelled images."""
        known = (labels != UNLABELLED).nonzero()[:, 0]
        domains = domains_of(batch, "irm")[known]
        rows = rows_by_domain(domains)
        losses = torch.stack([each[known[chosen]].mean() for chosen in rows]) if rows else each
        logits = output.logits[self.target].to(each.dtype)[known]
        penalty = irm_penalty(logits, labels[known], rows)
        weight = self.config.penalty if step >= self.config.anneal_steps else 1.0
        return losses.mean() + weight * penalty, {"penalty": penalty}
