"""The mean response of the same perturbation over its training contexts, weighted by cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.estimators import responses


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class ResponseModel(responses.ResponseModel):
    """A perturbation that was measured in no context has the mean of all; a dose counts as another perturbation."""

    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> responses.Arrays:
        names, means = responses.by_group([each.name for each in conditions.perturbations], conditions, values)
        return {"perturbations": responses.text_array(names), "means": means}

    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        names = [each.name for each in conditions.perturbations]
        return responses.looked_up(self, "perturbations", names, "not measured in any context")
