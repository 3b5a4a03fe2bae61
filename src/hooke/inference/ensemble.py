"""Several models of one run as one predictor: the mean is the prediction, the spread the uncertainty.

    mean = mean_m μ_m,    std² = var_m μ_m + mean_m σ_m²

over members m, where σ_m is what a member itself states (a gaussian or evidential head, a forest), else 0 (Lakshminarayanan et al. 2017).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hooke.core.concentrations import is_concentration
from hooke.core.errors import UsageError
from hooke.core.label import Label
from hooke.core.types import Batch, group_means
from hooke.estimators import Estimator
from hooke.inference.blocks import Blocks
from hooke.nn.randomness import ItemDropout
from hooke.nn.task import Task


@dataclass(frozen=True)
class Prediction:
    """Of one level: (items, columns) float64 mean over the members, and their standard deviation (0 for one member)."""

    mean: np.ndarray
    std: np.ndarray


@dataclass(frozen=True)
class Members:
    """What each member says of the items of one level.

    Attributes:
        values: (members, items, columns) float64.
        stated: The same of the standard deviations that members state; None when they state none.
    """

    values: np.ndarray
    stated: np.ndarray | None = None

    @classmethod
    def joined(cls, parts: Sequence[Members]) -> Members:
        """Several batches as one."""
        stated = [part.stated for part in parts if part.stated is not None]
        return cls(
            np.concatenate([part.values for part in parts], axis=1), np.concatenate(stated, axis=1) if stated else None
        )

    def taken(self, order: np.ndarray) -> Members:
        """Some items in this order."""
        return Members(self.values[:, order], None if self.stated is None else self.stated[:, order])

    def averaged(self, groups: np.ndarray) -> Members:
        """The means over groups of items: of probabilities, and of variances; `groups` never decreases."""
        stated = None if self.stated is None else np.sqrt(group_means(self.stated**2, groups, axis=1))
        return Members(group_means(self.values, groups, axis=1), stated)

    def prediction(self) -> Prediction:
        """Mean and spread over the members."""
        members = len(self.values)
        with np.errstate(invalid="ignore"):  # an infinite prediction has no spread; `predict` gives the reason
            mean, std = self.values.mean(axis=0), self.values.std(axis=0, ddof=1 if members > 1 else 0)
        if self.stated is not None:
            std = np.sqrt(std**2 + np.square(self.stated).mean(axis=0))
        return Prediction(mean, std)


def physical(members: Mapping[str, Members], labels: Callable[[str], Sequence[Label]]) -> dict[str, Members]:
    """What each member says, with concentrations below 0 as 0: a network that learns them as they stand does not know that they cannot be.

    Args:
        members: Level → what they say.
        labels: Level → its labels, in the order of the columns.
    """
    found = dict(members)
    for level, said in members.items():
        least = [
            -label.offset if is_concentration(label.unit) else -np.inf
            for label in labels(level)
            for _ in range(label.columns)
        ]
        if np.isfinite(least).any():
            found[level] = replace(said, values=np.maximum(said.values, least))
    return found


class Predictor(ABC):
    """What predicts the labels of a run.

    Attributes:
        device: Where it computes.
        states_spread: Whether a single member already has a spread.
        count: Members.
        parameters: Numbers that one member has learnt.
    """

    device: torch.device
    states_spread: bool
    count: int
    parameters: int

    @abstractmethod
    def members(self, batch: Batch) -> dict[str, Members]:
        """Level → what each member says, on the scale of the stored labels; probabilities for classes."""

    @abstractmethod
    def columns(self, level: str) -> list[str]:
        """Names of the predicted columns of a level."""

    def losses(self, batch: Batch, generator: torch.Generator) -> dict[str, float]:
        """The losses of a batch, where a task has them; of the first member."""
        return {}

    def carried(self, spec: Any) -> Any:
        """The spec of the batches that it reads: that of the run, with what it reads besides."""
        return spec

    def predict(self, batch: Batch) -> dict[str, Prediction]:
        """Level → prediction."""
        return {level: found.prediction() for level, found in self.members(batch).items()}

    @property
    def has_spread(self) -> bool:
        """Whether its predictions have a spread."""
        return self.count > 1 or self.states_spread


class Ensemble(Predictor):
    """Networks that share a task and a batch format."""

    def __init__(self, networks: Sequence[nn.Module], task: Task, device: torch.device | str = "cpu") -> None:
        self.networks = [network.to(device).eval() for network in networks]
        self.task, self.device = task, torch.device(device)
        self.states_spread, self.count = task.states_spread, len(networks)
        self.parameters = sum(parameter.numel() for parameter in networks[0].parameters())

    def columns(self, level: str) -> list[str]:
        """See `Predictor.columns`."""
        return self.task.columns(level)

    @torch.no_grad()
    def members(self, batch: Batch) -> dict[str, Members]:
        """See `Predictor.members`."""
        batch = batch.to(self.device)
        values = _stacked([self.task.predict(network, batch) for network in self.networks])
        if not self.states_spread:
            return {level: Members(found) for level, found in values.items()}
        stated = _stacked([self.task.spread(network, batch) for network in self.networks])
        return {level: Members(found, stated[level]) for level, found in values.items()}

    @torch.no_grad()
    def losses(self, batch: Batch, generator: torch.Generator) -> dict[str, float]:
        """See `Predictor.losses`."""
        found = self.task.losses(self.networks[0], batch.to(self.device), 0, generator)
        return {name: float(value) for name, value in found.items()}

    @torch.no_grad()
    def dropout_members(self, batch: Batch, samples: int, *, seed: int = 0) -> dict[str, Members]:
        """Level → predictions with dropout left on (Gal and Ghahramani 2016): every network is passed `samples` times.

        The masks follow from `seed` alone, so that equal batches give equal numbers.

        Raises:
            UsageError: No network has any dropout.
        """
        dropouts = [module for network in self.networks for module in network.modules() if _drops(module)]
        if not dropouts:
            raise UsageError("this run was trained without dropout, so passes with dropout are all the same")
        batch = batch.to(self.device)
        devices = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), _kept_on(dropouts):
            torch.manual_seed(seed)
            drawn = [self.task.predict(network, batch) for network in self.networks for _ in range(samples)]
        return {level: Members(found) for level, found in _stacked(drawn).items()}

    @torch.no_grad()
    def embed(self, batch: Batch, vectors: Callable[[Any, Any], Tensor] | None = None) -> np.ndarray:
        """(items, width) float32 of the first network's encoder: spaces of different encoders cannot be averaged.

        Args:
            batch: The items.
            vectors: (network, batch) → (items, width), where that is more than `network.embed(batch)`.
        """
        network: Any = self.networks[0]
        batch = batch.to(self.device)
        found = network.embed(batch) if vectors is None else vectors(network, batch)
        return found.float().cpu().numpy()


class Estimates(Predictor):
    """Estimators over the features of a batch.

    Args:
        estimators: The members.
        level: Of their labels.
        features: What they read of a batch.
        columns: Names of the predicted columns.
    """

    def __init__(
        self,
        estimators: Sequence[Estimator],
        level: str,
        features: Blocks,
        columns: Sequence[str],
    ) -> None:
        self.estimators, self._level, self._features, self._columns = estimators, level, features, list(columns)
        self.device, self.count, self.states_spread = torch.device("cpu"), len(estimators), True
        self.parameters = sum(array.size for array in estimators[0].arrays().values())

    def columns(self, level: str) -> list[str]:
        """See `Predictor.columns`."""
        return self._columns if level == self._level else []

    def carried(self, spec: Any) -> Any:
        """See `Predictor.carried`."""
        return self._features.carried(spec)

    def members(self, batch: Batch) -> dict[str, Members]:
        """See `Predictor.members`."""
        features = self._features(batch)
        means, stds = zip(*(estimator.predict(features) for estimator in self.estimators), strict=True)
        return {self._level: Members(np.stack(means), np.stack(stds))}


def _stacked(members: Sequence[Mapping[str, Tensor]]) -> dict[str, np.ndarray]:
    return {level: torch.stack([member[level].double() for member in members]).cpu().numpy() for level in members[0]}


def _drops(module: nn.Module) -> bool:
    return isinstance(module, nn.Dropout | ItemDropout) and module.p > 0


@contextmanager
def _kept_on(dropouts: Sequence[nn.Module]) -> Iterator[None]:
    """Dropout draws masks within the block, whatever mode its network is put into."""
    handles = [module.register_forward_pre_hook(_switch_on) for module in dropouts if isinstance(module, nn.Dropout)]
    of_items = [module for module in dropouts if isinstance(module, ItemDropout)]
    try:
        for dropout in of_items:
            dropout.kept_on = True
        yield
    finally:
        for dropout in of_items:
            dropout.kept_on = False
        for handle in handles:
            handle.remove()
        for module in dropouts:
            module.training = False


def _switch_on(module: nn.Module, _: Any) -> None:
    module.training = True
