"""The baselines that stand beside every model: mean (or prior), ridge (or logistic ridge), random forest.

Features are counts of Morgan fingerprints (radius 2, 2,048 bits, log1p) and RDKit descriptors, standardised on the training rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from hooke.core.errors import UnknownNameError
from hooke.core.label import Label

BASELINES = ("mean", "ridge", "random_forest")
Baseline = Literal["mean", "ridge", "random_forest"]


def fit_predict(
    name: str,
    features: np.ndarray,
    targets: np.ndarray,
    labels: Sequence[Label],
    train: np.ndarray,
    predict: np.ndarray,
    *,
    seed: int = 0,
) -> np.ndarray:
    """Fit one baseline on the training rows, label by label on what is measured, and predict other rows.

    Args:
        name: "mean", "ridge" or "random_forest".
        features: (N, F), all rows.
        targets: (N, T), NaN = not measured.
        labels: The T labels, regression or binary (others by their class numbers).
        train, predict: Row numbers.
        seed: Of the forest.

    Returns:
        (len(predict), T): values, or probabilities of class 1.
    """
    if name not in BASELINES:
        raise UnknownNameError("baseline", name, BASELINES)
    out = np.full((len(predict), len(labels)), np.nan)
    scaled = _standardise(features, train) if name == "ridge" else features
    for number, label in enumerate(labels):
        rows = train[~np.isnan(targets[train, number])]
        values = targets[rows, number].astype(np.float64)
        if not len(rows):
            continue
        if name == "mean" or len(np.unique(values)) < 2 or len(rows) < 5:
            out[:, number] = values.mean()
        elif label.kind == "binary":
            out[:, number] = _classify(name, scaled[rows], values, scaled[predict], seed)
        else:
            out[:, number] = _regress(name, scaled[rows], values, scaled[predict], seed)
    return out


def _regress(name: str, x: np.ndarray, y: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    if name == "ridge":
        from sklearn.linear_model import RidgeCV

        return RidgeCV(alphas=np.logspace(-1, 5, 13)).fit(x, y).predict(new)
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(200, max_features=0.33, n_jobs=2, random_state=seed).fit(x, y)
    return _in_order(forest).predict(new)


def _classify(name: str, x: np.ndarray, y: np.ndarray, new: np.ndarray, seed: int) -> np.ndarray:
    if name == "ridge":
        from sklearn.linear_model import RidgeClassifierCV

        model = RidgeClassifierCV(alphas=np.logspace(-1, 5, 13)).fit(x, y)
        return 1 / (1 + np.exp(-2 * model.decision_function(new)))
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(
        200, max_features="sqrt", n_jobs=2, random_state=seed, class_weight="balanced_subsample"
    ).fit(x, y)
    return _in_order(forest).predict_proba(new)[:, 1]


def _in_order(forest: Any) -> Any:
    """Predict with one thread: several add up the trees in the order they end, which changes the last bits."""
    return forest.set_params(n_jobs=1)


def _standardise(features: np.ndarray, train: np.ndarray) -> np.ndarray:
    mean, std = features[train].mean(axis=0), features[train].std(axis=0)
    return np.clip((features - mean) / np.where(std > 1e-8, std, 1.0), -10, 10)
