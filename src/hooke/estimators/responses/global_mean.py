"""The mean response of all training conditions, by cells or with equal weights.

D = sum_i n_i D_i / sum_i n_i          n_i = 1 with equal weights
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.estimators import responses


@dataclass(frozen=True)
class Config:
    """How conditions are weighted."""

    weights: Literal["cells", "equal"] = "cells"  # by the number of cells, or all alike


class ResponseModel(responses.ResponseModel):
    """One response for everything."""

    config: Config

    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> responses.Arrays:
        if self.config.weights == "equal":
            self.mean = responses.weighted_mean(values, np.ones(len(conditions)))
        return {}

    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        return self._means(len(conditions)), [""] * len(conditions)
