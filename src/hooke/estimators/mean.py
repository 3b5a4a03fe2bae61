"""The mean of the training labels, or the frequencies of their classes: what every other estimator must beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.estimators import Arrays, LabelwiseEstimator


@dataclass(frozen=True)
class Config:
    """It has no options."""


class Estimator(LabelwiseEstimator):
    """Predicts the same for every row."""

    modality = "any"

    def _learn(self, features: np.ndarray, rows: np.ndarray, values: np.ndarray, classes: int, seed: int) -> Arrays:
        if classes:
            return {"prediction": np.bincount(values.astype(np.int64)) / len(values)}
        return {"prediction": values.mean(keepdims=True)}

    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        prediction = self.learnt[number]["prediction"]
        mean = np.broadcast_to(prediction, (len(features), len(prediction)))
        return mean, np.zeros_like(mean)
