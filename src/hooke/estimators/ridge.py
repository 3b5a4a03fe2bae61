"""Ridge regression on standardised features; for classes, ridge regression of ±1, one class against the others.

    w = argmin |y - X w - b|² + α |w|²,    α by leave-one-out error
    p = softmax(scores of the classes), which for two classes, of scores -s and s, is 1 / (1 + exp(-2 s))

Source: Hoerl and Kennard 1970 (doi:10.1080/00401706.1970.10488634); fitted by scikit-learn's RidgeCV and RidgeClassifierCV.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.estimators import Arrays, LabelwiseEstimator, standardisation, standardised


@dataclass(frozen=True)
class Config:
    """Options.

    Attributes:
        alphas: Penalties to choose from.
    """

    alphas: tuple[float, ...] = tuple(np.logspace(-1, 5, 13).tolist())


class Estimator(LabelwiseEstimator):
    """Linear in the features."""

    modality = "any"
    config: Config

    def _share(self, features: np.ndarray) -> tuple[Arrays, np.ndarray]:
        shared = standardisation(features)
        return shared, standardised(features, shared)

    def _transform(self, features: np.ndarray) -> np.ndarray:
        return standardised(features, self.shared)

    def _learn(self, features: np.ndarray, rows: np.ndarray, values: np.ndarray, classes: int, seed: int) -> Arrays:
        from sklearn.linear_model import RidgeClassifierCV, RidgeCV

        model = (RidgeClassifierCV if classes else RidgeCV)(alphas=list(self.config.alphas)).fit(features[rows], values)
        return {"weights": np.atleast_2d(model.coef_), "bias": np.atleast_1d(model.intercept_)}

    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        from scipy.special import softmax

        learnt = self.learnt[number]
        scores = features @ learnt["weights"].T + learnt["bias"]
        if "classes" in learnt:
            scores = softmax(scores if scores.shape[1] > 1 else np.hstack([-scores, scores]), axis=1)
        return scores, np.zeros_like(scores)
