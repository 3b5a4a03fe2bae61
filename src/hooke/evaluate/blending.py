"""Blending predictions of several models: weights from rows that none of them was fitted on, folds, and labels better learnt as logarithms.

    w = argmin L(w) / L(equal weights) + penalty Σ_m (w_m - 1/M)²,    w_m ≥ 0,  Σ_m w_m = 1

L is the mean squared error of Σ_m w_m prediction_m, of classes the log loss of Σ_m w_m probability_m. The penalty pulls the weights towards
equal ones: without it few rows choose by chance.

Source: Breiman 1996 (doi:10.1007/BF00117832), stacking with non-negative weights; van der Laan et al. 2007 (doi:10.2202/1544-6115.1309).
"""

from __future__ import annotations

import numpy as np

PENALTY = 0.1
_LEAST_PROBABILITY = 1e-6
_SKEWED = 1.0
_FEWEST = 10  # values of which a skewness says something


def blend_weights(
    predictions: np.ndarray, truth: np.ndarray, *, classes: bool = False, penalty: float = PENALTY
) -> np.ndarray:
    """(M,) weights.

    Args:
        predictions: (M, n, k): values (k = 1), probabilities of class 1 (k = 1, `classes`) or of each class, all finite.
        truth: (n,) measured values or class numbers.
        classes: Whether these are classes.
        penalty: How strongly they are pulled towards equal weights.
    """
    from scipy.optimize import minimize

    models = len(predictions)
    equal = np.full(models, 1 / models)
    if models == 1 or not len(truth):
        return equal
    probability = _of_truth(predictions, truth) if classes else None

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        if probability is not None:
            mean = np.maximum(weights @ probability, _LEAST_PROBABILITY)
            return float(-np.log(mean).mean()), -(probability / mean).mean(axis=1)
        error = np.tensordot(weights, predictions[:, :, 0], 1) - truth
        return float(np.mean(error**2)), 2 * predictions[:, :, 0] @ error / len(truth)

    scale = max(loss(equal)[0], np.finfo(np.float64).tiny)

    def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
        value, slope = loss(weights)
        away = weights - equal
        return value / scale + penalty * float(away @ away), slope / scale + 2 * penalty * away

    found = minimize(
        objective, equal, jac=True, method="SLSQP", bounds=[(0, 1)] * models, options={"ftol": 1e-12, "maxiter": 500},
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
    )  # fmt: skip
    weights = np.maximum(found.x, 0.0)
    return weights / weights.sum()


def blended(means: np.ndarray, stds: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, k) means and standard deviations of the mixture of several predictions.

    Args:
        means, stds: (M, n, k).
        weights: (M, k), of each column summing to one.
    """
    heavy = weights[:, None, :]
    mean = np.sum(np.where(heavy > 0, heavy * means, 0.0), axis=0)
    spread = np.where(heavy > 0, heavy * (np.square(stds) + np.square(means - mean)), 0.0)
    return mean, np.sqrt(spread.sum(axis=0))


def losses(predictions: np.ndarray, truth: np.ndarray, *, classes: bool = False) -> float:
    """Root mean squared error of values, log loss of classes; shapes as those of one model in `blend_weights`."""
    if not classes:
        return float(np.sqrt(np.mean(np.square(predictions[:, 0] - truth))))
    return float(-np.log(np.maximum(_of_truth(predictions[None], truth)[0], _LEAST_PROBABILITY)).mean())


def better_as_logarithms(values: np.ndarray) -> bool:
    """Whether measurements (half-lives, volumes, concentrations) are all positive, skewed to the right, and less skewed as logarithms."""
    if not (values > 0).all() or np.ptp(values) == 0:
        return False
    return less_skewed(len(values), _skewness(values), _skewness(np.log(values)))


def less_skewed(count: int, raw: float, logarithms: float) -> bool:
    """Whether so many values of skewness `raw` are skewed to the right, and clearly less as logarithms."""
    return count >= _FEWEST and raw > _SKEWED and abs(logarithms) < raw / 2


def _skewness(values: np.ndarray) -> float:
    """The third central moment over the cube of the standard deviation."""
    away = values - values.mean()
    return float(np.mean(away**3) / np.mean(away**2) ** 1.5)


def grouped_folds(groups: np.ndarray, folds: int, *, seed: int) -> np.ndarray:
    """(n,) fold of each row; rows of one group share theirs, and folds have about equally many rows.

    Args:
        groups: (n,) number of the group of each row.
        folds: How many; fewer where there are fewer groups.
        seed: Of the order of the groups.
    """
    names, place, counts = np.unique(groups, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-counts[order], kind="stable")]  # large groups first, each to the smallest fold
    sizes, fold = np.zeros(max(1, min(folds, len(names))), np.int64), np.zeros(len(names), np.int64)
    for group in order:
        fold[group] = sizes.argmin()
        sizes[fold[group]] += counts[group]
    return fold[place]


def _of_truth(predictions: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(M, n) probability that each model gives the true class."""
    true = truth.astype(np.int64)
    if predictions.shape[2] == 1:
        return np.where(true == 1, predictions[:, :, 0], 1 - predictions[:, :, 0])
    return predictions[:, np.arange(len(true)), true]
