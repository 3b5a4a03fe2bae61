"""`multitask_profiles`: labels of profiles of all kinds at once, some of them unknown.

    loss = mean over the labels known in the batch of L_l,    L_l = Σ_i m_il l_il / Σ_i m_il

with m_il = 1 where label l of profile i is known; l_il is the cross-entropy of classes, of a yes or no, or the squared error of a number
in standard deviations of the training rows. The statistics are buffers of the network and saved with it.

Source: Caruana 1997 (doi:10.1023/A:1007379606734).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.cells.batch import ProfileBatch
from hooke.cells.spec import ProfileSpec
from hooke.cells.targets import LEVEL
from hooke.core.errors import UsageError
from hooke.nn.losses import class_loss, label_means, regression_loss, weighted_mean
from hooke.nn.modes import evaluating
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class Network(nn.Module):
    """An encoder with one linear head for all labels.

    Attributes:
        mean, std: (labels,) buffers; 0 and 1 for classes.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, encoder: nn.Module, labels: int, outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(int(encoder.width), outputs)  # type: ignore[arg-type]
        self.register_buffer("mean", torch.zeros(labels))
        self.register_buffer("std", torch.ones(labels))

    def forward(self, batch: ProfileBatch) -> Float[Tensor, "profiles outputs"]:
        """Raw outputs: logits, and numbers in standard deviations."""
        return self.head(self.embed(batch))

    def embed(self, batch: ProfileBatch) -> Float[Tensor, "profiles width"]:
        """One row a profile."""
        return self.encoder.embed(batch)  # type: ignore[operator]


class Task(BaseTask):
    """All labels of the spec.

    Raises:
        UsageError: There are none.
    """

    modality = "cells"
    config: Config
    spec: ProfileSpec

    def __init__(self, config: Config, spec: ProfileSpec) -> None:
        if not spec.labels:
            raise UsageError(
                "a task needs at least one label: name the columns to be predicted, data.target=perturbation"
            )
        super().__init__(config, spec)
        ends = accumulate((label.columns for label in spec.labels), initial=0)
        self.slices = [slice(*both) for both in pairwise(ends)]

    def network(self, encoder: nn.Module) -> Network:
        """The encoder with a new head."""
        network = Network(encoder, len(self.spec.labels), self.slices[-1].stop)
        if LEVEL in self.spec.statistics:
            found = self.spec.statistics[LEVEL]
            numbers = np.array([label.kind == "regression" for label in self.spec.labels])
            network.mean.copy_(torch.from_numpy(np.where(numbers, found.mean, 0.0)))
            network.std.copy_(torch.from_numpy(np.where(numbers, found.std, 1.0)))
        return network

    def losses(
        self, network: nn.Module, batch: ProfileBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The loss of a batch, and the mean loss of each label; see `nn.task.Task`."""
        with random_from(generator, network, batch):
            raw = network(batch)
        raw = raw.to(torch.promote_types(raw.dtype, torch.float32))
        known = ~batch.targets[LEVEL].isnan()
        targets = ((batch.targets[LEVEL].to(raw.dtype) - network.mean) / network.std).masked_fill(~known, 0)  # type: ignore[operator]
        columns = []
        for number, (label, part) in enumerate(zip(self.spec.labels, self.slices, strict=True)):
            target, output = targets[:, [number]], raw[:, part]
            if label.classes:
                columns.append(class_loss(output[:, None], target))
            elif label.kind == "binary":
                columns.append(functional.binary_cross_entropy_with_logits(output, target, reduction="none"))
            else:
                columns.append(regression_loss(output, target, None, "mse", 1.0))
        means, counts = label_means(torch.cat(columns, dim=1), known)
        parts = {label.name: mean.detach() for label, mean in zip(self.spec.labels, means, strict=True)}
        return {"loss": weighted_mean(means, (counts > 0).to(means.dtype)), **parts}

    def columns(self, level: str) -> list[str]:
        """See `Task.columns`."""
        return [name for label in self.spec.labels for name in label.column_names] if level == LEVEL else []

    def predict(self, network: nn.Module, batch: ProfileBatch) -> dict[str, Tensor]:
        """See `Task.predict`."""
        with torch.no_grad(), evaluating(network):
            raw = network(batch)
        raw, columns = raw.to(torch.promote_types(raw.dtype, torch.float32)), []
        for number, (label, part) in enumerate(zip(self.spec.labels, self.slices, strict=True)):
            output = raw[:, part]
            if label.classes:
                columns.append(output.softmax(1))
            elif label.kind == "binary":
                columns.append(output.sigmoid())
            else:
                columns.append(output * network.std[number] + network.mean[number])  # type: ignore[index]
        return {LEVEL: torch.cat(columns, dim=1)}
