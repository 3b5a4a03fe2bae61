"""Random forest: the mean of trees grown on bootstrap samples, and the standard deviation over the trees.

Classes are weighted by their rarity in each bootstrap sample. Predictions are those of scikit-learn to the bit.

Source: Breiman 2001 (doi:10.1023/A:1010933404324); grown by scikit-learn's RandomForestRegressor and RandomForestClassifier.
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
        smallest_leaf: Rows of the bootstrap sample that a leaf has at least.
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
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        if classes:
            return RandomForestClassifier(class_weight="balanced_subsample", **options)
        return RandomForestRegressor(**options)
