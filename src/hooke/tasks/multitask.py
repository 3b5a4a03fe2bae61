"""`multitask`: supervised learning of many sparse labels at graph, node, edge and pair level.

For every label t of a level with items i, l_it is its loss where it was measured and 0 where it was not:

    L_level = Σ_t w_t Σ_i l_it / Σ_t Σ_i [measured]_it          L = Σ_level L_level

Shapes do not depend on what was measured, and a batch without any label has the loss 0.

- regression: on z = (y - mean_t) / std_t with the training rows' statistics: squared, absolute or Huber error. A censored label
  (">10") only costs where the prediction lies on the wrong side.
- binary: cross-entropy of one logit.
- multiclass: cross-entropy.
- ordinal: α CE + (1 - α) (E[class] - class)², the hybrid loss of Graphium, E over the softmax.

Source: Beaini et al. 2023 (arXiv 2310.04292), with the static-shape masking of its `*_ipu` losses. Differs: label weights are honoured
(Graphium dropped them); levels are summed, each normalised by its own measurements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.labels import LEVELS, Label
from hooke.molecules.batch import MoleculeBatch
from hooke.nn.encodings import flip_signs
from hooke.nn.heads import Head
from hooke.nn.mlp import Activation
from hooke.nn.network import Network


@dataclass(frozen=True)
class Config:
    """Heads and losses.

    Attributes:
        head_width: Hidden width of the heads; 0 takes the encoder's node width.
        head_layers: Hidden layers of the heads.
        activation, dropout: Of the heads.
        regression_loss: "mse", "mae" or "huber" (threshold 1 standard deviation).
        hybrid_alpha: α of ordinal labels.
        weighting: "equal"; "label_count": w_t ∝ measured count^½, mean 1; "uncertainty": learned log variances (Kendall et al. 2018).
    """

    head_width: int = 0
    head_layers: int = 1
    activation: Activation = "relu"
    dropout: float = 0.0
    regression_loss: Literal["mse", "mae", "huber"] = "mse"
    hybrid_alpha: float = 0.5
    weighting: Literal["equal", "label_count", "uncertainty"] = "equal"


@dataclass(frozen=True)
class _Columns:
    """Where the labels of one kind (and number of classes) stand: label columns, and their output columns."""

    kind: str
    classes: int
    labels: Tensor
    outputs: Tensor  # (labels, outputs a label)


class _Level:
    """The labels of one level, grouped by kind so that no loss loops over labels."""

    def __init__(self, labels: Sequence[Label]) -> None:
        self.labels = tuple(labels)
        widths = [max(1, label.classes) for label in labels]
        starts = [sum(widths[:place]) for place in range(len(widths))]
        self.outputs = sum(widths)
        self.groups: list[_Columns] = []
        for kind, classes in dict.fromkeys((label.kind, label.classes) for label in labels):
            places = [p for p, label in enumerate(labels) if (label.kind, label.classes) == (kind, classes)]
            columns = [list(range(starts[p], starts[p] + widths[p])) for p in places]
            self.groups.append(_Columns(kind, classes, torch.tensor(places), torch.tensor(columns)))

    @property
    def columns(self) -> list[str]:
        """Names of the prediction columns: the label, or label[class]."""
        names: list[str] = []
        for label in self.labels:
            names += [f"{label.name}[{c}]" for c in range(label.classes)] if label.classes else [label.name]
        return names


class Task:
    """The objective for given labels.

    Args:
        config: Choices.
        labels: All labels of the data set.
        statistics: Level -> (count, mean, std) over the training rows; None leaves regression labels as they are.
    """

    def __init__(
        self, config: Config, labels: Sequence[Label], statistics: Mapping[str, tuple[Any, Any, Any]] | None = None
    ) -> None:
        self.config = config
        by_level = {level: [label for label in labels if label.level == level] for level in LEVELS}
        self.levels = {level: _Level(found) for level, found in by_level.items() if found}
        self.statistics = statistics or {}
        self.weights = {level: self._weights(level) for level in self.levels}

    def columns(self, level: str) -> list[str]:
        """Names of the columns that `predict` gives for a level."""
        return self.levels[level].columns

    def network(self, encoder: nn.Module) -> Network:
        """The encoder with one head a level, carrying the statistics for normalisation."""
        config, heads = self.config, {}
        widths = (int(encoder.node_width), int(encoder.edge_width), int(encoder.graph_width))  # type: ignore[arg-type]
        for level, entry in self.levels.items():
            head = Head(
                level, widths, entry.outputs, len(entry.labels), hidden_width=config.head_width, hidden_layers=config.head_layers,
                activation=config.activation, dropout=config.dropout, uncertainty=config.weighting == "uncertainty",
            )  # type: ignore[arg-type]  # fmt: skip
            if level in self.statistics:
                _, mean, std = self.statistics[level]
                regression = torch.tensor([label.kind == "regression" for label in entry.labels])
                head.mean = torch.where(regression, torch.as_tensor(mean, dtype=torch.float32), 0.0)
                head.std = torch.where(regression, torch.as_tensor(std, dtype=torch.float32), 1.0)
            heads[level] = head
        return Network(encoder, heads)

    def losses(
        self, network: Any, batch: MoleculeBatch, step: int, generator: torch.Generator
    ) -> dict[str, Float[Tensor, ""]]:
        """The loss of a batch under "loss", and its part for each level.

        Args:
            network: What `network` made (or a wrapper of it).
            batch: With targets.
            step: Of training; not used by this objective.
            generator: Draws the signs of Laplacian eigenvectors while training.
        """
        if network.training:
            batch = flip_signs(batch, generator)
        raw = network(batch)
        parts = {level: self._level_loss(network, level, raw[level], batch) for level in self.levels}
        return {"loss": torch.stack(list(parts.values())).sum(), **parts}

    @torch.no_grad()
    def predict(self, network: Any, batch: MoleculeBatch) -> dict[str, Float[Tensor, "items columns"]]:
        """Level -> predictions on the stored scale: values, probabilities of class 1, or one probability a class."""
        raw = network(batch)
        return {level: self._decode(network, level, raw[level].float()) for level in self.levels}

    def _weights(self, level: str) -> Tensor:
        labels = self.levels[level].labels
        weights = torch.tensor([label.weight for label in labels], dtype=torch.float32)
        if self.config.weighting == "label_count" and level in self.statistics:
            root = torch.as_tensor(self.statistics[level][0], dtype=torch.float32).sqrt()
            weights = weights * root / root.mean().clamp(min=1e-12)
        return weights

    def _level_loss(self, network: Any, level: str, raw: Tensor, batch: MoleculeBatch) -> Float[Tensor, ""]:
        head = network.heads[level]
        target = batch.targets[level].to(raw.dtype)
        bound = batch.bounds.get(level)
        measured = ~torch.isnan(target)
        filled = torch.where(measured, target, 0.0)
        losses = torch.zeros_like(filled)
        for group in self.levels[level].groups:
            place, out = group.labels.to(raw.device), raw[:, group.outputs.to(raw.device).flatten()]
            value = filled[:, place]
            if group.kind == "regression":
                scaled = (value - head.mean[place].to(raw.dtype)) / head.std[place].to(raw.dtype)
                loss = self._regression(out, scaled, None if bound is None else bound[:, place])
            elif group.kind == "binary":
                loss = functional.binary_cross_entropy_with_logits(out, value, reduction="none")
            else:
                loss = self._classes(group, out.unflatten(1, (len(place), group.classes)), value)
            losses = losses.index_copy(1, place, loss.to(losses.dtype))
        weights = self.weights[level].to(raw.device, raw.dtype)
        if head.log_variance is not None:
            losses = losses * torch.exp(-head.log_variance) + 0.5 * head.log_variance
        total = torch.where(measured, losses, 0.0) * weights
        return total.sum() / measured.sum().clamp(min=1)

    def _regression(self, out: Tensor, scaled: Tensor, bound: Tensor | None) -> Tensor:
        error = out - scaled
        if bound is not None:  # beyond a bound nothing is lost: the truth may well lie there
            beyond = ((bound > 0) & (error > 0)) | ((bound < 0) & (error < 0))
            error = torch.where(beyond, 0.0, error)
        if self.config.regression_loss == "mae":
            return error.abs()
        if self.config.regression_loss == "huber":
            return functional.huber_loss(error, torch.zeros_like(error), reduction="none")
        return error**2

    def _classes(self, group: _Columns, logits: Tensor, value: Tensor) -> Tensor:
        entropy = functional.cross_entropy(logits.transpose(1, 2), value.long(), reduction="none")
        if group.kind == "multiclass":
            return entropy
        expected = (logits.softmax(dim=2) * torch.arange(group.classes, device=logits.device)).sum(dim=2)
        return self.config.hybrid_alpha * entropy + (1 - self.config.hybrid_alpha) * (expected - value) ** 2

    def _decode(self, network: Any, level: str, raw: Tensor) -> Tensor:
        head, out = network.heads[level], torch.empty_like(raw)
        for group in self.levels[level].groups:
            columns = group.outputs.to(raw.device)
            values = raw[:, columns.flatten()]
            if group.kind == "regression":
                place = group.labels.to(raw.device)
                values = values * head.std[place] + head.mean[place]
            elif group.kind == "binary":
                values = values.sigmoid()
            else:
                values = values.unflatten(1, columns.shape).softmax(dim=2).flatten(1)
            out[:, columns.flatten()] = values
        return out
