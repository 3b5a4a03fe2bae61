"""`perturbation_classification`: weakly supervised learning, a classifier of what was done to the cells.

    loss = mean over labelled images of the cross-entropy of the perturbation

The embedding is what comes before the classifier. With `by_batch` the images of each experimental batch pass through the network by
themselves, so that batch-norm statistics never mix two of them in training; AdaBN does the same at evaluation.

Source: WSL of Kraus et al. 2023 (arXiv 2309.16064); AdaBN: Li et al. 2016 (arXiv 1603.04779).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hooke.images.batch import ImageBatch
from hooke.images.tiles import Symmetry
from hooke.nn.domain_losses import rows_by_domain
from hooke.nn.images.classification import ClassificationTask, domains_of, mean_over_labelled
from hooke.nn.images.network import Classified, concatenated


@dataclass(frozen=True)
class Config:
    """Target and regularisation."""

    target: str = "perturbation"  # name of the labels
    label_smoothing: float = 0.0
    dropout: float = 0.0  # before the head
    symmetry: Symmetry = "dihedral"  # random turns and flips in training; quarter turns need square images
    by_batch: bool = False  # one pass for each experimental batch, in training


class Task(ClassificationTask):
    """Cross-entropy."""

    def classify(self, network: nn.Module, batch: ImageBatch) -> Classified:
        """One pass, or one for each experimental batch."""
        if not self.config.by_batch or not network.training:
            return network(batch)
        rows = rows_by_domain(domains_of(batch, "by_batch"))
        parts = [network(batch.select(chosen)) for chosen in rows]
        return concatenated(parts, torch.cat(rows))

    def combine(
        self, network: nn.Module, batch: ImageBatch, output: Classified, each: Tensor, labels: Tensor, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The mean."""
        return mean_over_labelled(each, labels), {}
