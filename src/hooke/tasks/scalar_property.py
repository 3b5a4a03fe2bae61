"""`scalar_property`: numbers of frames other than energies: dipole moments, orbital energies, heat capacities.

    reduce = "mean" (intensive):   y = mean + std · (1/n) Σ_i out_i,                 e = (y - ŷ) / std
    reduce = "sum" (extensive):    y = scale · Σ_i out_i + Σ_i shift_Z(i),           e = (y - ŷ) / (n · scale)

    loss = mean over labels of the mean over frames of |e|, e² or Huber's function of e, over what was computed

with n atoms, and mean, std, shift and scale of the training rows (buffers, float64): shift_Z is what an atom of an element adds to the
label on average, scale the root mean square of what is then left an atom. Both are taken off the labels before these are rounded to 32
bits, and given back to predictions in 64.

Source: Schütt et al. 2018 (doi:10.1063/1.5019779) for sums and means over atoms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.atoms.batch import AtomsBatch
from hooke.atoms.spec import FRAME, AtomsSpec
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.types import labels_of
from hooke.nn.atoms.energy_model import ELEMENTS
from hooke.nn.losses import RegressionLoss, label_means, regression_loss, weighted_mean
from hooke.nn.modes import evaluating
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask


@dataclass(frozen=True)
class Config:
    """Labels, how atoms make up a number, and the loss."""

    labels: tuple[str, ...] = ()  # none: all numbers of frames that are no energies
    reduce: Literal["mean", "sum"] = "mean"  # over the atoms of a frame
    loss: RegressionLoss = "mse"
    huber_delta: float = 1.0  # where the Huber error turns from square to straight, in units of e


class Network(nn.Module):
    """An encoder whose outputs are numbers of frames.

    Attributes:
        scale: (M,) std, or scale; buffers in float64, as is
        offsets: (elements, M): with sums shift; with means the label's mean in each row.
    """

    scale: Tensor
    offsets: Tensor

    def __init__(self, encoder: nn.Module, scale: Tensor, offsets: Tensor, *, mean: bool) -> None:
        super().__init__()
        self.encoder, self.mean = encoder, mean
        self.register_buffer("scale", scale)
        self.register_buffer("offsets", offsets)

    def forward(self, batch: AtomsBatch) -> Float[Tensor, "frames labels"]:
        """Labels less the offsets, over the scale."""
        out = self.encoder(batch)
        return out / self.counts(batch).to(out.dtype) if self.mean else out

    def embed(self, batch: AtomsBatch) -> Float[Tensor, "frames width"]:
        """Of the encoder."""
        return self.encoder.embed(batch)  # type: ignore[operator]

    def counts(self, batch: AtomsBatch) -> Float[Tensor, "frames 1"]:
        """Atoms of each frame."""
        return batch.offsets.diff()[:, None].to(self.offsets.dtype)

    def offsets_of(self, batch: AtomsBatch) -> Float[Tensor, "frames labels"]:
        """The sum, or the mean, over the atoms of each frame."""
        rows = self.offsets.index_select(0, batch.numbers)
        total = rows.new_zeros(batch.num_items, rows.shape[1]).index_add(0, batch.frame, rows)
        return total / self.counts(batch) if self.mean else total


class Task(BaseTask):
    """The chosen numbers of frames.

    Raises:
        UnknownNameError: A chosen label is not among them.
        UsageError: There are none.
    """

    modality = "atoms"
    config: Config
    spec: AtomsSpec

    def __init__(self, config: Config, spec: AtomsSpec) -> None:
        super().__init__(config, spec)
        self.labels = self.learnt(config, spec.labels)
        columns = labels_of(spec, FRAME)
        self._columns = [columns.index(label) for label in self.labels]  # of the targets

    @classmethod
    def learnt(cls, config: Config, labels: Sequence[Label]) -> tuple[Label, ...]:
        """See `Task.learnt`."""
        properties = [label for label in labels if label.level == FRAME and not label.method]
        names = [label.name for label in properties]
        if not properties:
            raise UsageError(
                "scalar_property needs numbers of frames beside energies, and the data hold none; energy_forces learns energies"
            )
        for name in config.labels:
            if name not in names:
                raise UnknownNameError("label", name, names)
        return tuple(label for label in properties if not config.labels or label.name in config.labels)

    def inputs(self, spec: AtomsSpec) -> AtomsSpec:
        """One output a label."""
        return spec.with_labels(self.labels)

    def network(self, encoder: nn.Module) -> Network:
        """The encoder with scales and offsets."""
        mean = self.config.reduce == "mean"
        scale = torch.ones(len(self.labels), dtype=torch.float64)
        offsets = torch.zeros(ELEMENTS, len(self.labels), dtype=torch.float64)
        for place, (label, column) in enumerate(zip(self.labels, self._columns, strict=True)):
            if mean and FRAME in self.spec.statistics:
                statistics = self.spec.statistics[FRAME]
                scale[place], offsets[:, place] = float(statistics.std[column]), float(statistics.mean[column])
            elif not mean and label.name in self.spec.scale:
                scale[place] = self.spec.scale[label.name]
                offsets[list(self.spec.elements), place] = torch.tensor(
                    self.spec.shift[label.name], dtype=torch.float64
                )
        return Network(encoder, scale, offsets, mean=mean)

    def losses(self, network: nn.Module, batch: AtomsBatch, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """See `Task.losses`; beside the loss the mean of |e|."""
        own: Any = network
        with random_from(generator, network, batch):
            found = network(batch)
        wanted = ((batch.targets[FRAME][:, self._columns] - own.offsets_of(batch)) / own.scale).to(found.dtype)
        if self.config.reduce == "sum":
            counts = own.counts(batch).to(found.dtype)
            found, wanted = found / counts, wanted / counts
        measured = wanted.isfinite()
        wanted = torch.where(measured, wanted, 0)
        each = regression_loss(found, wanted, None, self.config.loss, self.config.huber_delta)
        means, counts = label_means(each, measured)
        sizes, _ = label_means((found.detach() - wanted).abs(), measured)
        known = (counts > 0).to(means.dtype)
        return {"loss": weighted_mean(means, known), "standardised_mae": weighted_mean(sizes, known)}

    def columns(self, level: str) -> list[str]:
        """See `Task.columns`."""
        return [label.name for label in self.labels] if level == FRAME else []

    def predict(self, network: nn.Module, batch: AtomsBatch) -> dict[str, Tensor]:
        """In float64, in the units of the data."""
        own: Any = network
        with torch.no_grad(), evaluating(network):
            return {FRAME: network(batch).double() * own.scale.double() + own.offsets_of(batch).double()}
