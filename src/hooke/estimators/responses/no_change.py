"""The control: no response, whatever was done; correlations with it are not defined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.estimators import responses


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class ResponseModel(responses.ResponseModel):
    """D = 0."""

    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> responses.Arrays:
        return {}

    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        return np.zeros((len(conditions), len(self.mean))), [""] * len(conditions)
