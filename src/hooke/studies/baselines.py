"""The estimators that stand beside every model of molecules: mean, ridge and random forest.

Features are counts of Morgan fingerprints (radius 2, 2,048 bits, log1p) and RDKit descriptors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hooke.core import registry
from hooke.core.label import Label
from hooke.molecules.spec import MoleculeSpec

BASELINES = ("mean", "ridge", "forest")


def baseline_predictions(
    name: str,
    features: np.ndarray,
    targets: np.ndarray,
    labels: Sequence[Label],
    train: np.ndarray,
    predict: np.ndarray,
    *,
    seed: int = 0,
) -> np.ndarray:
    """Fit an estimator with its default options on the training rows, label by label on what is measured, and predict other rows.

    Args:
        name: Of the estimator.
        features: (N, F), all rows.
        targets: (N, T), NaN = not measured.
        labels: The T labels of molecules.
        train, predict: Row numbers.
        seed: Of all randomness.

    Returns:
        (len(predict), columns): values, probabilities of class 1, or of each of several classes.

    Raises:
        UnknownNameError: No such estimator.
    """
    module = registry.module("estimators", name)
    estimator = module.Estimator(module.Config(), MoleculeSpec(tuple(labels)), "graph")
    estimator.fit(features[train], targets[train], seed=seed)
    return estimator.predict(features[predict])[0]
