"""`measured_features`: tell the perturbations apart, and say what a biologist would have measured on each field.

    loss = cross-entropy of the perturbation + λ mean over measured fields i and features f of 2 huber(ŷ_if - y_if)

y are the hand-crafted features of `images.features` (intensity, texture, shape, correlation), each with mean 0 and variance 1 over the
measured fields. A label of one field in some ten thousand says little; two hundred numbers that follow from the picture say what there is to
see, so that an encoder learns from far fewer images. They are needed in training alone.

Source: Hooke's own; after the descriptors that molecular encoders are pretrained on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import UsageError
from hooke.core.label import Label
from hooke.core.types import labels_of
from hooke.images.batch import ImageBatch
from hooke.images.spec import LEVEL, ImageSpec
from hooke.images.tiles import Symmetry
from hooke.nn.images.classification import ClassificationTask, mean_over_labelled, target_columns
from hooke.nn.images.network import Classified, ClassifierNetwork
from hooke.nn.processes import step_sum

FEATURES = "features"  # name of their head


@dataclass(frozen=True)
class Config:
    """Target, regularisation and how many fields are measured."""

    target: str = "perturbation"  # name of the labels
    label_smoothing: float = 0.0
    dropout: float = 0.0  # before the heads
    symmetry: Symmetry = "dihedral"  # random turns and flips in training; quarter turns need square images
    weight: float = 1.0  # λ
    measured_fields: int = 12_000  # of all fields, drawn at random; a core measures about 30 a second


class Task(ClassificationTask):
    """Cross-entropy and regression.

    Raises:
        UsageError: The images carry no features.
    """

    measures_features = True

    def __init__(self, config: Config, spec: ImageSpec) -> None:
        super().__init__(config, spec)
        labels = labels_of(spec, LEVEL)
        self.features = [place for place, label in enumerate(labels) if label.kind == "regression"]
        if not self.features:
            raise UsageError("measured_features needs images with measured features")

    @property
    def learned(self) -> tuple[Label, ...]:
        """The classes and all measured features."""
        labels = labels_of(self.spec, LEVEL)
        return tuple(labels[place] for place in sorted([self.column, *self.features]))

    def network(self, encoder: nn.Module) -> ClassifierNetwork:
        """The encoder with a head for classes and one for features."""
        heads = {self.target: self.classes, FEATURES: len(self.features)}
        return ClassifierNetwork(encoder, heads, self.config.dropout)

    def combine(
        self, network: nn.Module, batch: ImageBatch, output: Classified, each: Tensor, labels: Tensor, step: int
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Classes and features."""
        measured = target_columns(batch, self.features, FEATURES)
        regression = feature_loss(output.logits[FEATURES].to(each.dtype), measured.to(each.dtype))
        return mean_over_labelled(each, labels) + self.config.weight * regression, {FEATURES: regression}

    def predicted(self, output: Classified) -> Float[Tensor, "images columns"]:
        """Probabilities and features, in the order of the labels."""
        features = output.logits[FEATURES]
        before = sum(place < self.column for place in self.features)
        return torch.cat([features[:, :before], super().predicted(output), features[:, before:]], dim=1)


def feature_loss(
    predicted: Float[Tensor, "images features"], measured: Float[Tensor, "images features"]
) -> Float[Tensor, ""]:
    """The mean over the measured fields of the step; NaN says that a field was not measured."""
    known = ~measured.isnan()
    errors = functional.smooth_l1_loss(predicted, torch.where(known, measured, predicted.detach()), reduction="sum")
    return 2 * step_sum(errors) / step_sum(known.sum().to(errors.dtype)).clamp(min=1)
