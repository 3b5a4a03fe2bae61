"""Gradient-boosted regression trees, each grown on a random part of the rows: squared error, or log loss for classes.

    F_0 = constant of least loss,    F_t(x) = F_{t-1}(x) + learning rate × tree_t(x)

Each tree is fitted to the negative gradient of the loss at F_{t-1}; for classes F is the log-odds (two classes) or one score a class.
Predictions are those of scikit-learn to the bit. Its GradientBoosting is used rather than HistGradientBoosting, whose trees are
no public attribute.

Source: Friedman 2001 (doi:10.1214/aos/1013203451) and 2002 (doi:10.1016/S0167-9473(01)00065-2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hooke.estimators import Arrays, LabelwiseEstimator, Trees


@dataclass(frozen=True)
class Config:
    """Options.

    Attributes:
        trees: Number of boosting steps; each grows one tree, or one a class where there are more than two.
        learning_rate: By which each tree is scaled.
        depth: Of a tree.
        row_share: Of the rows, drawn for each tree without replacement.
        feature_share: Of the features, how many a split chooses from.
    """

    trees: int = 300
    learning_rate: float = 0.05
    depth: int = 4
    row_share: float = 0.5
    feature_share: float = 0.1


class Estimator(LabelwiseEstimator):
    """Sum of trees."""

    modality = "any"
    config: Config

    def _learn(self, features: np.ndarray, rows: np.ndarray, values: np.ndarray, classes: int, seed: int) -> Arrays:
        from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

        config = self.config
        model = (GradientBoostingClassifier if classes else GradientBoostingRegressor)(
            n_estimators=config.trees, learning_rate=config.learning_rate, max_depth=config.depth,
            subsample=config.row_share, max_features=config.feature_share, random_state=seed,
        ).fit(features[rows], values)  # fmt: skip
        trees = Trees.of(model.estimators_.ravel())
        return {**trees._asdict(), "value": config.learning_rate * trees.value, "start": _start(model, classes)}

    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        from scipy.special import expit, softmax

        learnt = self.learnt[number]
        trees = Trees(*(learnt[name] for name in Trees._fields))
        scores = np.tile(learnt["start"], (len(features), 1))
        for tree, leaf in enumerate(trees.leaves(features)):
            scores[:, tree % scores.shape[1]] += trees.value[leaf, 0]
        if "classes" in learnt:
            one = expit(scores)
            scores = softmax(scores, axis=1) if scores.shape[1] > 1 else np.hstack([1 - one, one])
        return scores, np.zeros_like(scores)


def _start(model: Any, classes: int) -> np.ndarray:
    """(scores,) before the first tree: the mean, log-odds, or centred logarithms of the frequencies."""
    if not classes:
        return np.ravel(model.init_.constant_)
    logarithms = np.log(model.init_.class_prior_)
    return logarithms[1:] - logarithms[:1] if classes == 2 else logarithms - logarithms.mean()
