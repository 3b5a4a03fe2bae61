"""`multitask`: many labels of all levels and kinds at once, most of them unmeasured.

    loss = Σ_level λ_level loss_level / Σ_level λ_level

and within a level, with l_il the loss of item i and label l, m_il = 1 where it was measured, w_l the label's weight, divided
by (number of labels of its source) ** `balance`:

    equal:        Σ_l w_l L_l / Σ_l w_l over labels measured in the batch, L_l = Σ_i m_il l_il / Σ_i m_il
    label_count:  Σ_il w_l m_il l_il / Σ_il w_l m_il
    uncertainty:  as equal, with L_l → c e^(-s_l) L_l + s_l / 2, c = 1/2 for regression and 1 for classes

With regression_loss "gaussian" or "evidential" a regression label has two or four outputs, and its predictions a spread (`nn.distributions`).
Regression labels are normalised by the mean and standard deviation of the training rows; these are buffers of the network
and are saved with it. No loop runs over label columns: labels of one kind are computed together.

With positive_weight "balanced", class 1 of a binary label counts n₀ / n₁ times (within 1/100 ... 100), from the training rows; predicted
probabilities are those of the classes as they occur, σ(z - log w), since weighting shifts the best logit by log w.

A table of a mixture that `[task.tables.NAME]` names has a head of its own, of its own size, and its own loss and weight; the others share one.

Source: Graphium (masked losses of static shape, hybrid cross-entropy); Kendall et al. 2018 (arXiv 1705.07115) for
"uncertainty".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import DataError, UsageError
from hooke.core.label import Kind, Label
from hooke.core.options import later, later_options
from hooke.core.types import labels_of
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.spec import LEVELS, MoleculeSpec
from hooke.nn.distributions import OUTPUTS, DistributionLoss, distribution_loss, stated_spread
from hooke.nn.graphs.encodings import flip_signs, hide_encodings
from hooke.nn.graphs.heads import Head
from hooke.nn.graphs.network import Network
from hooke.nn.graphs.table_heads import TableHeads
from hooke.nn.losses import (
    RegressionLoss,
    class_loss,
    label_means,
    measured_mean,
    ordinal_loss,
    regression_loss,
    weighted_mean,
)
from hooke.nn.mlp import Activation
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask

MOST_WEIGHT = 100.0  # of a class, so that one lucky molecule of a rare class does not drown the others
MOST_PARTS = 32  # labels of a level up to which each is a part of its own


@dataclass(frozen=True)
class TableConfig:
    """What is particular to one table of a mixture; None takes the task's own option.

    Attributes:
        loss: Of its regression labels.
        ordinal_alpha: Of its ordered classes.
        weight: Factor on the weights of its labels; 0 takes its gradient away.
        hidden_layers, hidden_width, dropout, activation: Of its head.
    """

    loss: RegressionLoss | None = None
    ordinal_alpha: float | None = None
    weight: float = 1.0
    hidden_layers: int | None = None
    hidden_width: int | None = None
    dropout: float | None = None
    activation: Activation | None = None

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise ValueError(f"weight must be at least 0, got {self.weight}")


@dataclass(frozen=True)
class Config:
    """Losses, weights and heads."""

    regression_loss: RegressionLoss | DistributionLoss = "mse"
    evidence_weight: float = 0.2  # λ of the evidential loss: evidence for wrong values
    huber_delta: float = 1.0  # in standard deviations of the label
    ordinal_alpha: float = 0.5  # share of the cross-entropy in the hybrid loss of ordered classes
    weighting: Literal["equal", "label_count", "uncertainty"] = "equal"
    balance: float = later(0.0)  # 0: labels weigh alike; 1: the sources of a mixture do; 0.5 lies between
    positive_weight: Literal["none", "balanced"] = later("none")  # of class 1 of binary labels
    normalise: bool = True  # regression labels by their training statistics
    graph_weight: float = 1.0  # λ of each level
    node_weight: float = 1.0
    edge_weight: float = 1.0
    pair_weight: float = 1.0
    hidden_layers: int = 1  # of each head
    hidden_width: int = 0  # 0: as wide as the nodes of the encoder
    dropout: float = 0.0  # in the heads
    activation: Activation = "relu"
    flip_signs: bool = True  # random signs of Laplacian eigenvectors in training
    hide_encodings: float = 0.0  # probability, in training, that all node encodings of a molecule are zero
    tables: Mapping[str, TableConfig] = (
        later_options()
    )  # by name: tables of a mixture with a loss, weight and head of their own

    def of_table(self, name: str, option: str) -> Any:
        """An option of a head or loss, as a table has it."""
        own = getattr(self.tables[name], option) if name in self.tables else None
        return getattr(self, option) if own is None else own


@dataclass(frozen=True)
class LabelGroup:
    """Labels of one kind and number of classes: a stretch of the sorted labels and of the raw outputs."""

    kind: Kind
    classes: int  # raw outputs a label: 1 for binary, 1, 2 or 4 for regression
    labels: slice
    outputs: slice


@dataclass(frozen=True)
class Layout:
    """How the labels of one level lie in the raw outputs: sorted by kind, then by number of classes.

    Attributes:
        groups: The kinds.
        order: Position in the level's labels of each sorted label.
        output_order: Position in the decoded outputs of each predicted column, in label order.
        outputs: Number of raw outputs.
    """

    groups: tuple[LabelGroup, ...]
    order: tuple[int, ...]
    output_order: tuple[int, ...]
    outputs: int


def layout_of(labels: Sequence[Label], regression_outputs: int = 1) -> Layout:
    """Sort the labels of one level into groups.

    Args:
        labels: Of the level.
        regression_outputs: Raw outputs of a regression label; one of them, decoded, is predicted.
    """
    order = sorted(range(len(labels)), key=lambda index: (labels[index].kind, labels[index].classes, index))
    groups: list[LabelGroup] = []
    first_output: dict[int, int] = {}
    position = decoded = 0
    for place, index in enumerate(order):
        label, columns_of = labels[index], max(labels[index].classes, 1)
        size = regression_outputs if label.kind == "regression" else columns_of
        first_output[index] = decoded
        decoded += columns_of
        last = groups[-1] if groups else None
        if last is not None and (last.kind, last.classes) == (label.kind, size):
            label_start, output_start = last.labels.start, last.outputs.start
            groups.pop()
        else:
            label_start, output_start = place, position
        position += size
        groups.append(LabelGroup(label.kind, size, slice(label_start, place + 1), slice(output_start, position)))
    columns = [first_output[i] + k for i, label in enumerate(labels) for k in range(max(label.classes, 1))]
    return Layout(tuple(groups), tuple(order), tuple(columns), position)


class Task(BaseTask):
    """Multi-task learning of graph, node, edge and pair labels; with "gaussian" or "evidential" regression it states their spread.

    Args:
        config: Losses, weights and heads.
        spec: Labels and statistics; statistics may be absent when the network is going to be loaded from weights, which hold them.
    """

    modality = "molecules"
    config: Config
    spec: MoleculeSpec

    def __init__(self, config: Config, spec: MoleculeSpec) -> None:
        if not spec.labels:
            raise UsageError("a task needs at least one label")
        super().__init__(config, spec)
        self.labels = {level: labels for level in LEVELS if (labels := labels_of(spec, level))}
        self.regression_outputs = OUTPUTS.get(config.regression_loss, 1)
        self.layouts = {level: layout_of(found, self.regression_outputs) for level, found in self.labels.items()}
        self.states_spread = self.regression_outputs > 1
        self.level_weights = {level: float(getattr(config, f"{level}_weight")) for level in self.labels}
        if not any(weight > 0 for weight in self.level_weights.values()):
            raise UsageError(
                f"every level of the labels ({', '.join(self.labels)}) has weight 0, so nothing is learned"
            )
        self._check_tables()
        self._constants: dict[tuple[str, torch.device], tuple[Tensor, Tensor, Tensor]] = {}

    def _check_tables(self) -> None:
        """Refuse options of tables that have no label that they are about; tables of the mixture that were not chosen have none at all."""
        labels = [label for of_level in self.labels.values() for label in of_level]
        for name, own in self.config.tables.items():
            kinds = {label.kind for label in labels if label.source == name}
            if not kinds:
                continue
            if own.loss is not None and "regression" not in kinds:
                raise UsageError(f"task.tables.{name}.loss is about regression labels, but {name} has none")
            if own.loss is not None and self.regression_outputs > 1:
                raise UsageError(
                    f"task.tables.{name}.loss does not go with regression_loss={self.config.regression_loss}"
                )
            if own.ordinal_alpha is not None and "ordinal" not in kinds:
                raise UsageError(f"task.tables.{name}.ordinal_alpha is about ordinal labels, but {name} has none")

    def network(self, encoder: nn.Module) -> Network:
        """The encoder with new heads for these labels, which hold the label statistics."""
        widths = (int(encoder.node_width), int(encoder.edge_width), int(encoder.graph_width))  # type: ignore[arg-type]
        heads: dict[str, nn.Module] = {}
        for level, labels in self.labels.items():
            groups: dict[str, list[int]] = {}
            for place, label in enumerate(labels):
                groups.setdefault(label.source if label.source in self.config.tables else "", []).append(place)
            outputs = self._outputs(level)
            counts = np.array([len(each) for each in outputs])
            found = [
                self._head(level, widths, places, int(counts[places].sum()), name) for name, places in groups.items()
            ]
            of_heads = [[one for place in places for one in outputs[place]] for places in groups.values()]
            heads[level] = found[0] if len(found) == 1 else TableHeads(found, list(groups.values()), of_heads)
        return Network(encoder, heads)

    def _head(self, level: str, widths: tuple[int, int, int], places: Sequence[int], outputs: int, table: str) -> Head:
        """The head of some labels of a level, with so many raw outputs."""
        option = partial(self.config.of_table, table)
        head = Head(
            level,
            widths,
            outputs=outputs,
            labels=len(places),
            hidden_width=option("hidden_width"),
            hidden_layers=option("hidden_layers"),
            activation=option("activation"),
            dropout=option("dropout"),
            uncertainty=self.config.weighting == "uncertainty",
            weighted_classes=self.config.positive_weight == "balanced",
        )
        if head.positive_weight is not None:
            head.positive_weight.copy_(self._positive_weights(level, self.labels[level])[places])
        mean, std = self._mean_and_std(level, self.labels[level])
        head.mean.copy_(mean[places])
        head.std.copy_(std[places])
        return head

    def _outputs(self, level: str) -> list[list[int]]:
        """Places of the raw outputs of each label of a level."""
        layout, found = self.layouts[level], list[list[int]]([[] for _ in self.labels[level]])
        for group in layout.groups:
            size = (group.outputs.stop - group.outputs.start) // (group.labels.stop - group.labels.start)
            for number, place in enumerate(layout.order[group.labels]):
                first = group.outputs.start + number * size
                found[place] = list(range(first, first + size))
        return found

    def _mean_and_std(self, level: str, labels: Sequence[Label]) -> tuple[Tensor, Tensor]:
        mean, std = np.zeros(len(labels)), np.ones(len(labels))
        if self.config.normalise and level in self.spec.statistics:
            _, means, stds = (np.asarray(values, dtype=np.float64) for values in self.spec.statistics[level])
            if len(means) != len(labels):
                raise DataError(f"{len(means)} label statistics for the {len(labels)} labels of level {level!r}")
            regression = np.array([label.kind == "regression" for label in labels])
            mean = np.where(regression & np.isfinite(means), means, 0.0)
            std = np.where(regression & np.isfinite(stds) & (stds > 0), stds, 1.0)
        return torch.from_numpy(mean).float(), torch.from_numpy(std).float()

    def _positive_weights(self, level: str, labels: Sequence[Label]) -> Tensor:
        """n₀ / n₁ of the binary labels; 1 where one class is missing, for other labels, and without statistics."""
        weights = np.ones(len(labels))
        if level in self.spec.statistics:
            share = np.asarray(self.spec.statistics[level].mean, dtype=np.float64)
            both = (share > 0) & (share < 1) & np.array([label.kind == "binary" for label in labels])
            odds = (1 - np.where(both, share, 0.5)) / np.where(both, share, 0.5)
            weights = np.where(both, np.clip(odds, 1 / MOST_WEIGHT, MOST_WEIGHT), 1.0)
        return torch.from_numpy(weights).float()

    def losses(
        self, network: nn.Module, batch: MoleculeBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The loss of a batch, and its detached parts.

        Args:
            network: What `network` made, possibly wrapped or compiled.
            batch: Molecules with targets.
            step: Training step; this task does not change with it.
            generator: Source of the random signs and of dropout.

        Returns:
            "loss" (scalar to differentiate) and "LEVEL/KIND", the mean loss over the measured labels of each kind; of a level with labels of
            several tables also "LEVEL/TABLE", its labels weighed alike.
        """
        with random_from(generator, network, batch):
            if network.training and self.config.flip_signs:
                batch = flip_signs(batch, generator)
            if network.training and self.config.hide_encodings:
                batch = hide_encodings(batch, self.config.hide_encodings, generator)
            raw = network(batch)
        parts: dict[str, Tensor] = {}
        total: Any = 0.0
        for level, outputs in raw.items():
            head: Any = network.heads[level]  # type: ignore[index]
            loss, kinds = self._level_loss(level, outputs, batch, head)
            total = total + self.level_weights[level] * loss
            parts.update({f"{level}/{kind}": value.detach() for kind, value in kinds.items()})
        return {"loss": total / sum(self.level_weights.values()), **parts}

    def parts(
        self, network: nn.Module, batch: MoleculeBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Loss of each part of the task that has a measured label in the batch, to differentiate: `train.loop` compares them.

        A part is a source of labels; without sources a label, or, of more than 32, a kind. Arguments: see `losses`.
        """
        with random_from(generator, network):
            raw = network(batch)
        found = {}
        for level, outputs in raw.items():
            losses, measured = self._label_losses(level, outputs, batch, cast(Any, network.heads)[level])
            means, counts = label_means(losses, measured)
            present = self._on(level, outputs.device)[2] * (counts > 0)
            for name, columns in self._parts_of(level).items():
                if bool(present[columns].any()):
                    found[f"{level}/{name}"] = measured_mean(means[None, columns], present[None, columns])
        return found

    def _parts_of(self, level: str) -> dict[str, list[int]]:
        """Name of a part → its columns among the sorted labels."""
        labels = [self.labels[level][index] for index in self.layouts[level].order]
        found: dict[str, list[int]] = {}
        for column, label in enumerate(labels):
            name = label.source or (label.name if len(labels) <= MOST_PARTS else label.kind)
            found.setdefault(name, []).append(column)
        if len(found) == 1 and 1 < len(labels) <= MOST_PARTS:
            return {label.name: [column] for column, label in enumerate(labels)}
        return found

    def _columns_of_tables(self, level: str) -> dict[str, list[int]]:
        """Name of each table of a mixture → its columns among the sorted labels; none where only one table has labels of the level."""
        found: dict[str, list[int]] = {}
        for column, place in enumerate(self.layouts[level].order):
            found.setdefault(self.labels[level][place].source, []).append(column)
        return found if len(found) > 1 else {}

    def _level_loss(
        self, level: str, raw: Tensor, batch: MoleculeBatch, head: Head | TableHeads
    ) -> tuple[Float[Tensor, ""], dict[str, Tensor]]:
        layout, config = self.layouts[level], self.config
        order, _, label_weights = self._on(level, raw.device)
        losses, measured = self._label_losses(level, raw, batch, head)
        means, counts = label_means(losses, measured)
        present = label_weights * (counts > 0)
        kinds: dict[str, Tensor] = {}
        for kind in dict.fromkeys(group.kind for group in layout.groups):
            stretch = slice(
                min(group.labels.start for group in layout.groups if group.kind == kind),
                max(group.labels.stop for group in layout.groups if group.kind == kind),
            )
            kinds[kind] = weighted_mean(means[stretch], present[stretch])
        kinds |= {
            name: weighted_mean(means[columns], (counts > 0).to(means.dtype)[columns])
            for name, columns in self._columns_of_tables(level).items()
        }
        if config.weighting == "label_count":
            return measured_mean(losses, label_weights * measured), kinds
        if head.log_variance is not None:
            log_variance = head.log_variance[order]
            scale = means.new_tensor([0.5 if g.kind == "regression" else 1.0 for g in layout.groups])
            sizes = torch.tensor([g.labels.stop - g.labels.start for g in layout.groups], device=raw.device)
            means = scale.repeat_interleave(sizes) * (-log_variance).exp() * means + log_variance / 2
        return weighted_mean(means, present), kinds

    def _label_losses(
        self, level: str, raw: Tensor, batch: MoleculeBatch, head: Head | TableHeads
    ) -> tuple[Tensor, Tensor]:
        """(items, sorted labels) losses, and which of them were measured."""
        layout = self.layouts[level]
        order, _, _ = self._on(level, raw.device)
        raw = raw.to(torch.promote_types(raw.dtype, torch.float32))
        targets = batch.targets[level][:, order].to(raw.dtype)
        bounds = batch.bounds[level][:, order] if level in batch.bounds else None
        measured = ~targets.isnan()
        targets = (targets.masked_fill(~measured, 0.0) - head.mean[order]) / head.std[order]
        targets = targets.masked_fill(~measured, 0.0)
        columns = []
        for group in layout.groups:
            target, output = targets[:, group.labels], raw[:, group.outputs]
            names = [self.labels[level][place].source for place in layout.order[group.labels]]
            if group.kind == "regression":
                bound = None if bounds is None else bounds[:, group.labels]
                columns.append(self._regression(output, target, bound, names))
            elif group.kind == "binary":
                weight = None if head.positive_weight is None else head.positive_weight[order[group.labels]]
                columns.append(
                    functional.binary_cross_entropy_with_logits(output, target, pos_weight=weight, reduction="none")
                )
            else:
                logits = output.unflatten(1, (-1, group.classes))
                hybrid = group.kind == "ordinal"
                columns.append(self._ordinal(logits, target, names) if hybrid else class_loss(logits, target))
        return torch.cat(columns, dim=1) if len(columns) > 1 else columns[0], measured

    def _regression(
        self, output: Tensor, target: Tensor, bound: Tensor | None, names: Sequence[str]
    ) -> Float[Tensor, "items labels"]:
        kind, config = self.config.regression_loss, self.config
        if kind == "gaussian" or kind == "evidential":
            parameters = output.unflatten(1, (-1, self.regression_outputs))
            return distribution_loss(parameters, target, bound, kind, config.evidence_weight)

        def loss(columns: Any, chosen: RegressionLoss) -> Tensor:
            bounds = None if bound is None else bound[:, columns]
            return regression_loss(output[:, columns], target[:, columns], bounds, chosen, config.huber_delta)

        kinds = [(config.tables[name].loss or kind) if name in config.tables else kind for name in names]
        return _by_option(kinds, loss)

    def _ordinal(self, logits: Tensor, target: Tensor, names: Sequence[str]) -> Float[Tensor, "items labels"]:
        alphas = [self.config.of_table(name, "ordinal_alpha") for name in names]
        return _by_option(alphas, lambda columns, alpha: ordinal_loss(logits[:, columns], target[:, columns], alpha))

    def _on(self, level: str, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """(label order, output order, label weights in that order) of a level on a device."""
        key = (level, device)
        if key not in self._constants:
            layout = self.layouts[level]
            labels = [self.labels[level][index] for index in layout.order]
            sizes = Counter(label.source for label in labels)
            factors = {name: own.weight for name, own in self.config.tables.items()}
            weights = [
                label.weight * factors.get(label.source, 1.0) / sizes[label.source] ** self.config.balance
                for label in labels
            ]
            self._constants[key] = (
                torch.tensor(layout.order, device=device),
                torch.tensor(layout.output_order, device=device),
                torch.tensor(weights, device=device),
            )
        return self._constants[key]

    def columns(self, level: str) -> list[str]:
        """Names of the predicted columns: the label's name, or NAME[k] for class k of a label with classes."""
        return [
            f"{label.name}[{k}]" if label.classes else label.name
            for label in self.labels[level]
            for k in range(max(label.classes, 1))
        ]

    def spread(self, network: nn.Module, batch: MoleculeBatch) -> dict[str, Tensor]:
        """Level → (items, `columns`) standard deviations that the network states; 0 for classes. Without gradients."""
        with torch.no_grad(), _evaluating(network):
            return {
                level: self._decode(level, raw, cast(Any, network.heads)[level], spread=True)
                for level, raw in network(batch).items()
            }

    def predict(self, network: nn.Module, batch: MoleculeBatch) -> dict[str, Tensor]:
        """Level → (items, `columns`) predictions, in evaluation mode and without gradients.

        Regression labels on the stored scale, binary ones as the probability of class 1, labels with classes as the
        probability of each class.
        """
        with torch.no_grad(), _evaluating(network):
            return self.decoded(network, batch)

    def decoded(self, network: nn.Module, batch: MoleculeBatch) -> dict[str, Tensor]:
        """The same in the mode that the network is in, and with gradients."""
        return {
            level: self._decode(level, raw, cast(Any, network.heads)[level]) for level, raw in network(batch).items()
        }

    def _decode(
        self, level: str, raw: Tensor, head: Head | TableHeads, *, spread: bool = False
    ) -> Float[Tensor, "items columns"]:
        order, output_order, _ = self._on(level, raw.device)
        raw = raw.to(torch.promote_types(raw.dtype, torch.float32))
        columns = []
        for group in self.layouts[level].groups:
            output = raw[:, group.outputs]
            if spread:
                columns.append(self._spread_of(group, output, head, order))
            elif group.kind == "regression":
                value = output[:, :: self.regression_outputs]
                columns.append(value * head.std[order[group.labels]] + head.mean[order[group.labels]])
            elif group.kind == "binary":
                weight = head.positive_weight
                columns.append((output if weight is None else output - weight[order[group.labels]].log()).sigmoid())
            else:
                columns.append(output.unflatten(1, (-1, group.classes)).softmax(2).flatten(1))
        return torch.cat(columns, dim=1)[:, output_order]

    def _spread_of(self, group: LabelGroup, output: Tensor, head: Head | TableHeads, order: Tensor) -> Tensor:
        kind = self.config.regression_loss
        if group.kind == "regression" and (kind == "gaussian" or kind == "evidential"):
            parameters = output.unflatten(1, (-1, self.regression_outputs))
            return stated_spread(parameters, kind) * head.std[order[group.labels]]
        count = group.labels.stop - group.labels.start
        return output.new_zeros(len(output), count * (group.classes if group.kind != "regression" else 1))


def _by_option(options: Sequence[Any], loss: Callable[[Any, Any], Tensor]) -> Float[Tensor, "items labels"]:
    """The loss of columns, those with one option together.

    Args:
        options: One a column.
        loss: Of some columns and their option.
    """
    different = list(dict.fromkeys(options))
    if len(different) == 1:
        return loss(slice(None), different[0])
    places = [[place for place, option in enumerate(options) if option == one] for one in different]
    order = sorted(range(len(options)), key=[place for some in places for place in some].__getitem__)
    return torch.cat([loss(some, one) for some, one in zip(places, different, strict=True)], dim=1)[:, order]


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Evaluation mode, then each module's own mode again."""
    training = [module for module in network.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
