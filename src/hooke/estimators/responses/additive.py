"""The sum of the responses to single genes.

    D_AB = D_A + D_B

The response to a single gene is that in the same context, else its mean over contexts, weighted by cells; a single gene has its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.estimators import responses


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class ResponseModel(responses.ResponseModel):
    """Perturbations whose single genes were not all measured have the mean of all."""

    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> responses.Arrays:
        return responses.singles(conditions, values)

    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        return responses.sum_of_singles(self.learnt, conditions)
