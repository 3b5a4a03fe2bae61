"""A quadratic of the sum of single responses, one for each read-out, fitted to the training pairs by least squares.

    D_AB = a + b s + c s^2,    s = D_A + D_B

With fewer than three different sums a read-out has the solution of smallest norm. A single gene has its own response.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.core.errors import DataError
from hooke.estimators import responses


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class ResponseModel(responses.ResponseModel):
    """Perturbations whose single genes were not all measured have the mean of all."""

    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> responses.Arrays:
        learnt = responses.singles(conditions, values)
        sums, reasons = responses.sum_of_singles(learnt, conditions)
        rows = np.array(
            [len(parts) > 1 and not reason for parts, reason in zip(conditions.parts, reasons, strict=True)]
        )
        if not rows.any():
            raise DataError(
                "a quadratic of single responses needs training pairs whose single genes were both measured"
            )
        return {**learnt, "coefficients": responses.quadratics(sums[rows], values[rows])}

    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        sums, reasons = responses.sum_of_singles(self.learnt, conditions)
        several = np.array([len(parts) > 1 for parts in conditions.parts], bool)
        return np.where(several[:, None], responses.quadratic(self.learnt["coefficients"], sums), sums), reasons
