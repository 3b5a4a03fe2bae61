"""Random forest: the mean of trees grown on bootstrap samples, and the standard deviation over the trees.

Classes are weighted by their rarity in each bootstrap sample. Predictions are those of scikit-learn to the bit.

Source: Breiman 2001 (doi:10.1023/A:1010933404324); grown by scikit-learn's RandomForestRegressor and RandomForestClassifier.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.estimators import Arrays, LabelwiseEstimator, Trees


@dataclass(frozen=True)
class Config:
    """Options.

    Attributes:
        trees: Number of trees.
        feature_share: Of the features, how many a split of a regression tree chooses from; for classes it is their square root.
        smallest_leaf: Rows of the bootstrap sample that a leaf has at least.
    """

    trees: int = 200
    feature_share: float = 0.33
    smallest_leaf: int = 1


class Estimator(LabelwiseEstimator):
    """Mean and standard deviation over the trees."""

    modality = "any"
    config: Config

    def _learn(self, features: np.ndarray, rows: np.ndarray, values: np.ndarray, classes: int, seed: int) -> Arrays:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        trees, leaf = self.config.trees, self.config.smallest_leaf
        if classes:
            model = RandomForestClassifier(
                trees, max_features="sqrt", min_samples_leaf=leaf, n_jobs=2, random_state=seed,
                class_weight="balanced_subsample",
            )  # fmt: skip
        else:
            model = RandomForestRegressor(
                trees, max_features=self.config.feature_share, min_samples_leaf=leaf, n_jobs=2, random_state=seed
            )
        return Trees.of(model.fit(features[rows], values).estimators_)._asdict()

    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        trees = Trees(*(self.learnt[number][name] for name in Trees._fields))
        leaves = trees.leaves(features)
        mean = sum(trees.value[leaf] for leaf in leaves) / len(leaves)
        variance = sum((trees.value[leaf] - mean) ** 2 for leaf in leaves) / len(leaves)
        return mean, np.sqrt(variance)
