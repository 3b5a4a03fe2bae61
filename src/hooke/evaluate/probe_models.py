"""Probes: what a frozen embedding knows, read out by simple models on top of it.

For each label a linear probe (ridge regression, or logistic regression with classes weighted by their rarity) and a random forest are
fitted on the training rows; the one that is better on the validation rows is fitted again on both and predicts. No test row is seen before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hooke.core.errors import UnknownNameError
from hooke.core.label import Label
from hooke.evaluate.metrics import METRICS, PRIMARY
from hooke.evaluate.moments import binary_exponent, spread

Readout = Literal["linear", "forest"]
READOUTS: tuple[Readout, ...] = ("linear", "forest")
_FEWEST = 10  # measured training rows below which only the mean is predicted


@dataclass(frozen=True)
class Probed:
    """What probes say of some rows.

    Attributes:
        predictions: (rows, labels): values, or probabilities of class 1; NaN where nothing could be fitted.
        readouts: The chosen readout of each label; "mean" where there was too little to learn from.
        positives: Share of class 1 among the training measurements of each label; NaN for values.
    """

    predictions: np.ndarray
    readouts: tuple[str, ...]
    positives: tuple[float, ...]


def probe(
    features: np.ndarray,
    targets: np.ndarray,
    labels: Sequence[Label],
    train: np.ndarray,
    valid: np.ndarray,
    test: np.ndarray,
    *,
    bounds: np.ndarray | None = None,
    readouts: Sequence[str] = READOUTS,
    seed: int = 0,
) -> Probed:
    """Fit probes label by label.

    Args:
        features: (N, F) embeddings; rows with NaN (no molecule) are left out of fitting and predicted as NaN.
        targets: (N, T), NaN = not measured.
        labels: The T labels, regression or binary.
        train, valid, test: Row numbers.
        bounds: (N, T) of censored labels, which are learnt as their bound; None when nothing is censored.
        readouts: Which to choose from.
        seed: Of the forests.

    Raises:
        UnknownNameError: An unknown readout.
    """
    for name in readouts:
        if name not in READOUTS:
            raise UnknownNameError("readout", name, READOUTS)
    usable = np.isfinite(features).all(axis=1)
    scaled = _standardised(features, train[usable[train]])
    out = np.full((len(test), len(labels)), np.nan)
    chosen, positives = [], []
    seen = test[usable[test]]
    for number, label in enumerate(labels):
        rows = [part[usable[part] & ~np.isnan(targets[part, number])] for part in (train, valid)]
        values = targets[:, number]
        known = values[np.concatenate(rows)]
        positives.append(float(known.mean()) if label.kind == "binary" and len(known) else float("nan"))
        if len(rows[0]) < _FEWEST or len(np.unique(values[rows[0]])) < 2:
            chosen.append("mean")
            if len(known):
                out[usable[test], number] = known.mean()
            continue
        sides = None if bounds is None else bounds[:, number]
        best = _best(scaled, values, sides, label, rows[0], rows[1], readouts, seed)
        both = np.concatenate(rows)
        out[usable[test], number] = _fitted(best, label, scaled[both], values[both], seed)(scaled[seen])
        chosen.append(best)
    return Probed(out, tuple(chosen), tuple(positives))


def _best(
    features: np.ndarray,
    values: np.ndarray,
    bounds: np.ndarray | None,
    label: Label,
    train: np.ndarray,
    valid: np.ndarray,
    readouts: Sequence[str],
    seed: int,
) -> str:
    """The readout with the best primary metric on the validation rows; the first where they cannot tell."""
    metric = METRICS[PRIMARY[label.kind]]
    scores = []
    for name in readouts if len(readouts) > 1 else ():
        found = (
            _fitted(name, label, features[train], values[train], seed)(features[valid]) if len(valid) else values[:0]
        )
        score = (
            metric(found[:, None], values[valid][:, None], None if bounds is None else bounds[valid][:, None])[0]
            if len(valid)
            else np.nan
        )
        scores.append(score if metric.higher_is_better else -score)
    if not scores or np.isnan(scores).all():
        return readouts[0]
    return readouts[int(np.nanargmax(scores))]


def _fitted(name: str, label: Label, x: np.ndarray, y: np.ndarray, seed: int) -> Any:
    """A function of features: values, or probabilities of class 1."""
    if label.kind == "binary":
        model = (_logistic(y) if name == "linear" else _forest_classifier(seed)).fit(x, y)
        return lambda new: model.predict_proba(new)[:, 1]
    exponent = binary_exponent(y)
    regression = (_ridge() if name == "linear" else _forest(seed)).fit(x, np.ldexp(y, -exponent))
    return lambda new: np.ldexp(regression.predict(new), exponent)


def _ridge() -> Any:
    from sklearn.linear_model import RidgeCV

    return RidgeCV(alphas=np.logspace(-2, 5, 15))


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(200, max_features=0.33, random_state=seed)


def _logistic(y: np.ndarray) -> Any:
    """With the strength of its penalty chosen by cross-validation, as far as the rarer class can be shared out."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    model = LogisticRegression(C=0.01, class_weight="balanced", max_iter=2000)
    folds = int(min(3, np.bincount(y.astype(int)).min()))
    if folds < 2:
        return model
    return GridSearchCV(model, {"C": np.logspace(-4, 0, 5)}, cv=folds, scoring="roc_auc")


def _forest_classifier(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(200, max_features="sqrt", class_weight="balanced_subsample", random_state=seed)


def _standardised(features: np.ndarray, train: np.ndarray) -> np.ndarray:
    return np.clip((features - features[train].mean(axis=0)) / spread(features[train]), -10, 10)
