"""Extremely randomised trees: the mean of trees whose splits are drawn at random, and the standard deviation over the trees.

Each tree sees all rows. At a node some features are drawn, for each of them one threshold between its least and greatest value there, and the
best of these splits is taken. Predictions are those of scikit-learn to the bit.

Source: Geurts et al. 2006 (doi:10.1007/s10994-006-6226-1); grown by scikit-learn's ExtraTreesRegressor and ExtraTreesClassifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hooke.estimators import TreesEstimator


@dataclass(frozen=True)
class Config:
    """Options.

    Attributes:
        trees: Number of trees.
        feature_share: Of the features, how many a split of a regression tree chooses from; for classes it is their square root.
        smallest_leaf: Rows that a leaf has at least.
        least_varied: Share of the rows that must differ from the median in a feature, for trees to split on it.
    """

    trees: int = 200
    feature_share: float = 0.33
    smallest_leaf: int = 1
    least_varied: float = 0.0


class Estimator(TreesEstimator):
    """Mean and standard deviation over the trees."""

    config: Config

    def _grower(self, classes: int, **options: Any) -> Any:
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        return ExtraTreesClassifier(class_weight="balanced", **options) if classes else ExtraTreesRegressor(**options)
