"""The mean response of the training conditions in the same context, weighted by cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.estimators import responses


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class ResponseModel(responses.ResponseModel):
    """A context without training conditions has the mean of all."""

    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> responses.Arrays:
        names, means = responses.by_group(conditions.contexts, conditions, values)
        return {"contexts": responses.text_array(names), "means": means}

    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        return responses.looked_up(self, "contexts", conditions.contexts, "no training perturbation in the context")
