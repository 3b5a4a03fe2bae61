"""Several networks of one run as one predictor: the mean is the prediction, the spread the uncertainty.

    mean = mean_m μ_m,    std² = var_m μ_m + mean_m σ_m²

over members m, where σ_m is what a network with a gaussian or evidential head states, else 0 (Lakshminarayanan et al. 2017).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hooke.core.errors import UsageError
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.store import MoleculeStore
from hooke.nn.randomness import ItemDropout


@dataclass(frozen=True)
class Prediction:
    """Of one level: (items, columns) float64 mean over the members, and their standard deviation (0 for one member)."""

    mean: np.ndarray
    std: np.ndarray


class Ensemble:
    """Members that share a task and a batch format."""

    def __init__(self, networks: Sequence[nn.Module], task: Any, device: torch.device | str = "cpu") -> None:
        self.networks = [network.to(device).eval() for network in networks]
        self.task, self.device = task, torch.device(device)

    @torch.no_grad()
    def predict(self, batch: MoleculeBatch) -> dict[str, Prediction]:
        """Level -> prediction, on the scale of the stored labels; probabilities for classes."""
        batch = batch.to(self.device)
        members = [self.task.predict(network, batch) for network in self.networks]
        found = {level: _summarise([member[level] for member in members]) for level in members[0]}
        if not self.states_spread:
            return found
        stated = [self.task.spread(network, batch) for network in self.networks]
        return {level: _widened(found[level], [member[level] for member in stated]) for level in found}

    @property
    def states_spread(self) -> bool:
        """Whether a single network already has a spread."""
        return bool(self.task.states_spread)

    @torch.no_grad()
    def dropout_spread(self, batch: MoleculeBatch, samples: int, *, seed: int = 0) -> dict[str, np.ndarray]:
        """Level -> (items, columns) standard deviation over passes with dropout left on (Gal and Ghahramani 2016).

        Every member is passed `samples` times; the masks follow from `seed` alone, so that equal batches give equal numbers.

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
        return {level: _summarise([one[level] for one in drawn]).std for level in drawn[0]}

    @torch.no_grad()
    def embed(self, batch: MoleculeBatch) -> np.ndarray:
        """(B, width) float32 of the first member's encoder: spaces of different encoders cannot be averaged."""
        return self.networks[0].embed(batch.to(self.device)).float().cpu().numpy()  # type: ignore[operator]

    def predict_rows(self, store: MoleculeStore, rows: np.ndarray, *, batch_size: int = 256) -> dict[str, Prediction]:
        """Predictions for rows of a store, in their order."""
        parts = [self.predict(collate(store.read(rows[i : i + batch_size]))) for i in range(0, len(rows), batch_size)]
        return {
            level: Prediction(
                np.concatenate([part[level].mean for part in parts]),
                np.concatenate([part[level].std for part in parts]),
            )
            for level in (parts[0] if parts else {})
        }


def _drops(module: nn.Module) -> bool:
    return isinstance(module, nn.Dropout | ItemDropout) and module.p > 0


@contextmanager
def _kept_on(dropouts: Sequence[nn.Module]) -> Iterator[None]:
    """Dropout draws masks within the block, whatever mode its network is put into."""
    handles = [module.register_forward_pre_hook(_switch_on) for module in dropouts]
    try:
        yield
    finally:
        for handle, module in zip(handles, dropouts, strict=True):
            handle.remove()
            module.training = False


def _switch_on(module: nn.Module, _: Any) -> None:
    module.training = True


def _widened(found: Prediction, stated: Sequence[Tensor]) -> Prediction:
    variance = torch.stack([member.double() for member in stated]).square().mean(0).cpu().numpy()
    return Prediction(found.mean, np.sqrt(found.std**2 + variance))


def _summarise(members: Sequence[Tensor]) -> Prediction:
    stacked = torch.stack([member.double() for member in members]).cpu().numpy()
    with np.errstate(invalid="ignore"):  # an infinite prediction has no spread; `predict` gives the reason
        return Prediction(stacked.mean(axis=0), stacked.std(axis=0, ddof=1 if len(stacked) > 1 else 0))
