"""Several networks of one run as one predictor: the mean is the prediction, the spread the uncertainty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.store import MoleculeStore


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
        return {level: _summarise([member[level] for member in members]) for level in members[0]}

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


def _summarise(members: Sequence[Tensor]) -> Prediction:
    stacked = torch.stack([member.double() for member in members]).cpu().numpy()
    with np.errstate(invalid="ignore"):  # an infinite prediction has no spread; `predict` gives the reason
        return Prediction(stacked.mean(axis=0), stacked.std(axis=0, ddof=1 if len(stacked) > 1 else 0))
