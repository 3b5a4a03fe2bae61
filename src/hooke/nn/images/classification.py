"""`ClassificationTask`: what the objectives that learn classes of images have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.types import labels_of
from hooke.images.batch import ImageBatch
from hooke.images.spec import LEVEL, ImageSpec
from hooke.images.tiles import Symmetry
from hooke.nn.images.dihedral import ALL, FLIPS, IDENTITY, random_elements, turn_each
from hooke.nn.images.network import Classified, ClassifierNetwork
from hooke.nn.modes import evaluating
from hooke.nn.processes import step_sum
from hooke.nn.randomness import random_from
from hooke.nn.task import Task

SYMMETRIES: dict[Symmetry, Sequence[int]] = {"none": (IDENTITY,), "flips": FLIPS, "dihedral": ALL}
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


class ClassificationTask(Task):
    """Cross-entropy of one label of classes, and whatever `combine` makes of it.

    Args:
        config: Choices.
        spec: Its label `config.target` is learnt; its experimental batches are the domains.

    Attributes:
        measures_features: Whether measured features (labels of kind "regression") are learnt besides.
        target: Name of the label of classes.
        column: Its place among the targets.
        classes: How many it has.
        domains: Number of experimental batches; only some objectives need it.

    Raises:
        UnknownNameError: The data have no classes of this name.
    """

    modality = "images"
    measures_features: ClassVar[bool] = False

    def __init__(self, config: ClassificationConfig, spec: ImageSpec) -> None:
        super().__init__(config, spec)
        labels = labels_of(spec, LEVEL)
        self.target = config.target
        names = [label.name for label in labels if label.kind == "multiclass"]
        if self.target not in names:
            raise UnknownNameError("target", self.target, names)
        self.column = next(place for place, label in enumerate(labels) if label.name == self.target)
        self.classes, self.domains = labels[self.column].classes, len(spec.batches)

    @property
    def learned(self) -> tuple[Label, ...]:
        """The labels of the spec that are learnt and predicted, in their order."""
        return (labels_of(self.spec, LEVEL)[self.column],)

    def network(self, encoder: nn.Module) -> ClassifierNetwork:
        """The encoder with a new head."""
        return ClassifierNetwork(encoder, {self.target: self.classes}, self.config.dropout)

    def labels(self, batch: ImageBatch) -> Tensor:
        """(B,) int64 classes, -1 where there is none.

        Raises:
            UsageError: The batch has no such labels, or a class that the head has not.
        """
        labels = target_columns(batch, [self.column], self.target)[:, 0].nan_to_num(nan=UNLABELLED).long()
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
                batch = turned(batch, self.config.symmetry, generator)
            output = self.classify(network, batch)
        logits = output.logits[self.target]
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        known = labels != UNLABELLED
        each = functional.cross_entropy(
            logits, labels, ignore_index=UNLABELLED, label_smoothing=self.config.label_smoothing, reduction="none"
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

    def columns(self, level: str) -> list[str]:
        """Names of the predicted columns of a level."""
        return [name for label in self.learned for name in column_names(label)] if level == LEVEL else []

    def predict(self, network: nn.Module, batch: ImageBatch) -> dict[str, Tensor]:
        """See `Task.predict`: probabilities of the classes; measured features on the scale of the targets."""
        with torch.no_grad(), evaluating(network):
            output = network(batch)
        return {LEVEL: self.predicted(output)}

    def predicted(self, output: Classified) -> Float[Tensor, "images columns"]:
        """The columns of `columns`."""
        logits = output.logits[self.target]
        return logits.to(torch.promote_types(logits.dtype, torch.float32)).softmax(1)


def column_names(label: Label) -> list[str]:
    """Names of the predicted columns of a label: NAME[k] for class k, else NAME."""
    return [f"{label.name}[{number}]" for number in range(label.classes)] if label.classes else [label.name]


def target_columns(batch: ImageBatch, columns: Sequence[int], name: str) -> Float[Tensor, "images columns"]:
    """Some columns of the targets.

    Args:
        batch: Images.
        columns: Their places.
        name: What they are called, for the error.

    Raises:
        UsageError: The images have no such targets.
    """
    targets = batch.targets.get(LEVEL)
    carried = 0 if targets is None else targets.shape[1]
    if targets is None or max(columns) >= carried:
        raise UsageError(f"the images carry no {name!r}; they carry {carried} labels")
    return targets[:, columns]


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
