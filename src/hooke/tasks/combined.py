"""`combined`: several objectives at once, on one encoder.

    loss = Σ_k w_k loss_k

    [task]
    name = "combined"
    objectives.multitask = {weight = 1.0, weighting = "uncertainty"}
    objectives.attribute_masking = {weight = 0.5, atoms = 0.2}

Each objective is a task of the registry with its own options, heads and pass through the encoder; `weight` is 1 by default. At
most one of them predicts labels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.recipe_files import build
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.network import Network
from hooke.nn.task import Task as BaseTask


@dataclass(frozen=True)
class Config:
    """The objectives: name of a task → its options, and its `weight`."""

    objectives: dict[str, dict[str, Any]] = field(default_factory=lambda: {"multitask": {}, "attribute_masking": {}})

    def __post_init__(self) -> None:
        if not self.objectives:
            raise UsageError("combined needs at least one objective: task.objectives.NAME = {weight = 1.0}")
        for name in self.objectives:
            if name == "combined" or registry.modality_of("tasks", name) != "molecules":
                raise UsageError(f"{name!r} cannot be one of several objectives for molecules")
            self.options(name)
            weight = self.weight(name)
            if not isinstance(weight, int | float) or isinstance(weight, bool) or weight < 0:
                raise UsageError(f"task.objectives.{name}.weight must be a number of at least 0, got {weight!r}")
        if len(self.with_labels) > 1:
            raise UsageError(f"only one objective can predict the labels, got {', '.join(self.with_labels)}")

    @property
    def with_labels(self) -> list[str]:
        """The objectives that learn from labels."""
        return [
            name for name in self.objectives if registry.module("tasks", name).Task.learns_labels(self.options(name))
        ]

    def weight(self, name: str) -> Any:
        """How much an objective counts."""
        return self.objectives[name].get("weight", 1.0)

    def options(self, name: str) -> Any:
        """The objective's own `Config`, checked."""
        own = {key: value for key, value in self.objectives[name].items() if key != "weight"}
        return build(registry.module("tasks", name).Config, own, f"task.objectives.{name}")


class CombinedNetwork(nn.Module):
    """One encoder, and the heads of each objective."""

    def __init__(self, encoder: nn.Module, heads: dict[str, nn.ModuleDict]) -> None:
        super().__init__()
        self.encoder = encoder
        self.heads = nn.ModuleDict(heads)

    def embed(self, batch: MoleculeBatch) -> Float[Tensor, "graphs graph_width"]:
        """One row a molecule, before the heads."""
        return self.encoder.embed(batch)  # type: ignore[operator]


def part(network: Any, name: str) -> Network:
    """The network as one objective sees it; the modules are shared."""
    view = Network(network.encoder, dict(network.heads[name].items()))
    view.training = network.training
    view.heads.training = network.training
    return view


class Task(BaseTask):
    """The objectives of a configuration; one that learns labels states their spread if that objective does."""

    modality = "molecules"
    config: Config

    def __init__(self, config: Config, spec: MoleculeSpec) -> None:
        super().__init__(config, spec)
        self.tasks: dict[str, Any] = {
            name: registry.module("tasks", name).Task(config.options(name), spec) for name in config.objectives
        }
        self.states_spread = any(self.tasks[name].states_spread for name in config.with_labels)

    @classmethod
    def learns_labels(cls, config: Config) -> bool:
        """Whether any objective does."""
        return bool(config.with_labels)

    def needs(self, spec: MoleculeSpec) -> MoleculeSpec:
        """Molecules that carry what any objective predicts."""
        for task in self.tasks.values():
            spec = task.needs(spec)
        return spec

    def inputs(self, spec: MoleculeSpec) -> MoleculeSpec:
        """The encodings that no objective predicts."""
        for task in self.tasks.values():
            spec = task.inputs(spec)
        return spec

    def network(self, encoder: nn.Module) -> CombinedNetwork:
        """The encoder with the heads of all objectives."""
        return CombinedNetwork(encoder, {name: task.network(encoder).heads for name, task in self.tasks.items()})

    def losses(
        self, network: nn.Module, batch: MoleculeBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The loss of a batch, "NAME" of each objective and its own parts, "NAME/PART"."""
        total: Any = 0.0
        parts: dict[str, Tensor] = {}
        for name, task in self.tasks.items():
            found = task.losses(part(network, name), batch, step, generator)
            total = total + self.config.weight(name) * found["loss"]
            parts |= {name if key == "loss" else f"{name}/{key}": value.detach() for key, value in found.items()}
        return {"loss": total, **parts}

    def parts(
        self, network: nn.Module, batch: MoleculeBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The weighted loss of each objective, to differentiate; see `train.loop`."""
        found = {name: task.losses(part(network, name), batch, step, generator) for name, task in self.tasks.items()}
        return {name: self.config.weight(name) * losses["loss"] for name, losses in found.items()}

    def columns(self, level: str) -> list[str]:
        """Names of the predicted columns."""
        return [column for name in self.config.with_labels for column in self.tasks[name].columns(level)]

    def spread(self, network: nn.Module, batch: MoleculeBatch) -> dict[str, Tensor]:
        """Level → standard deviations that the objective with labels states."""
        return {
            level: rows
            for name in self.config.with_labels
            for level, rows in self.tasks[name].spread(part(network, name), batch).items()
        }

    def predict(self, network: nn.Module, batch: MoleculeBatch) -> dict[str, Tensor]:
        """Level → predictions of the objective that has labels."""
        return {
            level: rows
            for name in self.config.with_labels
            for level, rows in self.tasks[name].predict(part(network, name), batch).items()
        }

    def decoded(self, network: nn.Module, batch: MoleculeBatch) -> dict[str, Tensor]:
        """The same in the mode that the network is in, and with gradients."""
        return {
            level: rows
            for name in self.config.with_labels
            for level, rows in self.tasks[name].decoded(part(network, name), batch).items()
        }
