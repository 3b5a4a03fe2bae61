"""`ClassificationTask`: what the objectives that learn classes of images have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import UnknownNameError, UsageError
from hooke.images.batch import ImageBatch
from hooke.nn.images.dihedral import ALL, FLIPS, IDENTITY, random_elements, turn_each
from hooke.nn.images.network import Classified, ClassifierNetwork
from hooke.nn.modes import evaluating
from hooke.nn.processes import step_sum
from hooke.nn.randomness import random_from

Symmetry = Literal["none", "flips", "dihedral"]
SYMMETRIES: dict[str, Sequence[int]] = {"none": (IDENTITY,), "flips": FLIPS, "dihedral": ALL}
UNLABELLED = -1


@runtime_checkable
class ClassificationConfig(Protocol):
    """The fields that the configs of all classifying objectives share."""

    @property
    def target(self) -> str:
        """Name of the labels."""

    @property
    def label_smoothing(self) -> float:
        """Share of the probability that is spread over all classes."""

    @property
    def dropout(self) -> float:
        """Before the head."""

    @property
    def symmetry(self) -> Symmetry:
        """Random turns and flips in training."""


def turned(batch: ImageBatch, symmetry: Symmetry, generator: torch.Generator) -> ImageBatch:
    """The images turned and flipped at random, each by itself."""
    if symmetry == "none":
        return batch
    elements = random_elements(batch.num_items, generator, SYMMETRIES[symmetry], batch.pixels.device)
    return replace(batch, pixels=turn_each(batch.pixels, elements))


def target_of(batch: ImageBatch, name: str) -> Tensor:
    """What is known of the images under this name.

    Raises:
        UsageError: Nothing is.
    """
    if name not in batch.targets:
        raise UsageError(f"the images carry no {name!r}; they carry: {', '.join(batch.targets) or 'nothing'}")
    return batch.targets[name]


class ClassificationTask(ABC):
    """Cross-entropy of one target, and whatever `combine` makes of it.

    Args:
        config: Choices.
        classes: Target → number of classes, of all targets that the data carry.
        domains: Number of experimental batches in training; only some objectives need it.

    Raises:
        UnknownNameError: The data do not carry the target.
    """

    def __init__(self, config: Any, classes: Mapping[str, int], domains: int = 0) -> None:
        self.settings: ClassificationConfig = config
        if self.settings.target not in classes:
            raise UnknownNameError("target", self.settings.target, classes)
        self.classes, self.domains = int(classes[self.settings.target]), domains

    @property
    def target(self) -> str:
        """Name of the labels."""
        return self.settings.target

    def network(self, encoder: nn.Module) -> ClassifierNetwork:
        """The encoder with a new head."""
        return ClassifierNetwork(encoder, {self.target: self.classes}, self.settings.dropout)

    def labels(self, batch: ImageBatch) -> Tensor:
        """(B,) int64 classes, -1 where there is none.

        Raises:
            UsageError: The batch has no such labels, or a class that the head has not.
        """
        labels = target_of(batch, self.target)
        if labels.is_floating_point():
            labels = labels.nan_to_num(nan=UNLABELLED)
        labels = labels.long().flatten()
        highest = max(labels.tolist(), default=UNLABELLED)
        if highest >= self.classes:
            raise UsageError(f"{self.target!r} has class {highest}, but the head has {self.classes} classes")
        return labels

    def losses(self, network: nn.Module, batch: ImageBatch, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """The loss of a batch, and its detached parts.

        Args:
            network: What `network` made, possibly wrapped or compiled.
            batch: Images with targets.
            step: Training step.
            generator: Source of turns, flips and dropout.

        Returns:
            "loss" (scalar to differentiate), "cross_entropy" and "accuracy", and what the objective adds.
        """
        labels = self.labels(batch)
        with random_from(generator, network):
            if network.training:
                batch = turned(batch, self.settings.symmetry, generator)
            output = self.classify(network, batch)
        logits = output.logits[self.target]
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        known = labels != UNLABELLED
        each = functional.cross_entropy(
            logits, labels, ignore_index=UNLABELLED, label_smoothing=self.settings.label_smoothing, reduction="none"
        )
        count = known.sum().clamp(min=1)
        parts = {
            "cross_entropy": (each.sum() / count).detach(),
            "accuracy": ((logits.argmax(1) == labels).sum() / count).detach(),
        }
        loss, more = self.combine(network, batch, output, each, labels, step)
        return {"loss": loss, **parts, **{name: value.detach() for name, value in more.items()}}

    def classify(self, network: nn.Module, batch: ImageBatch) -> Classified:
        """One pass through the network."""
        return network(batch)

    @abstractmethod
    def combine(
        self,
        network: nn.Module,
        batch: ImageBatch,
        output: Classified,
        each: Float[Tensor, " images"],
        labels: Tensor,
        step: int,
    ) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
        """The loss, and parts of it to log, from the cross-entropy of each image (0 without a label)."""

    def columns(self, target: str) -> list[str]:
        """Names of the predicted columns."""
        return [f"{target}[{number}]" for number in range(self.classes)]

    def predict(self, network: nn.Module, batch: ImageBatch) -> dict[str, Tensor]:
        """Target → (B, classes) probabilities, in evaluation mode and without gradients."""
        with torch.no_grad(), evaluating(network):
            logits = network(batch).logits[self.target]
        return {self.target: logits.to(torch.promote_types(logits.dtype, torch.float32)).softmax(1)}


def mean_over_labelled(each: Float[Tensor, " images"], labels: Tensor) -> Float[Tensor, ""]:
    """The mean loss of the labelled images of the step (`nn.processes`); 0 when none is."""
    return step_sum(each.sum()) / step_sum((labels != UNLABELLED).sum().to(each.dtype)).clamp(min=1)


def domains_of(batch: ImageBatch, name: str, count: int = 0) -> Tensor:
    """(B,) int64 the experimental batch of each image.

    Args:
        batch: Images.
        name: The objective that asks.
        count: How many there are; 0 when it does not matter.

    Raises:
        UsageError: They are unknown, or there are more than were announced.
    """
    if batch.batch_index is None:
        raise UsageError(f"{name} compares experimental batches, but the images carry none; name a batch column")
    if count and batch.batch_index.numel() and int(batch.batch_index.max()) >= count:
        raise UsageError(
            f"{name} was made for {count} experimental batches, found number {int(batch.batch_index.max())}"
        )
    return batch.batch_index
