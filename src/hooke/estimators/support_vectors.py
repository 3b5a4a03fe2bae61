"""Support vector machines on the mean of kernels: Tanimoto similarity of counts, radial functions of other features.

    f(x) = Σ_i α_i k(x_i, x) + b,    of the least  |f|² / 2 + C Σ max(0, |y - f| - ε)   (values),   + C Σ max(0, 1 - y f)   (classes, y = ±1)

k is `evaluate.kernels.MeanKernel`. C and ε are in standard deviations of the values. Of more than two classes each is learnt against the
others. Probabilities are sigmoids of f,

    p = 1 / (1 + exp(A f + B)),

whose A and B are fitted to decisions on rows left out in turn, and sum to one over the classes.

Source: Cortes and Vapnik 1995 (doi:10.1007/BF00994018), Drucker et al. 1997, Platt 1999; fitted by scikit-learn's SVR and SVC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hooke.estimators import Arrays, KernelEstimator, against_the_others, drawn

_PARTS = 5  # into which the rows of a class are cut for its sigmoid


@dataclass(frozen=True)
class Config:
    """Options.

    Attributes:
        counts: Widths of the leading blocks of features that are counts or bits, each compared by Tanimoto similarity.
        radial: Widths of the blocks that follow, each compared by a radial function; features beyond them are one more.
        penalty: C.
        margin: ε.
        most_rows: Training rows of a label beyond which so many are drawn at random: time and memory grow with their square.
    """

    counts: tuple[int, ...] = ()
    radial: tuple[int, ...] = ()
    penalty: float = 10.0
    margin: float = 0.05
    most_rows: int = 5000


class Estimator(KernelEstimator):
    """Regression, and classification with probabilities."""

    config: Config

    def _learn(self, features: np.ndarray, rows: np.ndarray, values: np.ndarray, classes: int, seed: int) -> Arrays:
        from sklearn.svm import SVR

        config, generator = self.config, np.random.default_rng(seed)
        kept = drawn(len(rows), config.most_rows, generator)
        rows, values = rows[kept], values[kept]
        kernel = self._kernel.taken(rows).among()
        if classes:
            signs = against_the_others(values, classes)
            parts = generator.permutation(len(rows)) % _PARTS
            fits = [_classifier(kernel, sign, config.penalty) for sign in signs.T]
            links = [_sigmoid(_left_out(kernel, sign, parts, config.penalty), sign) for sign in signs.T]
        else:
            scale = float(values.std()) or 1.0
            model = SVR(kernel="precomputed", C=config.penalty, epsilon=config.margin)
            fits = [_function(model.fit(kernel, (values - values.mean()) / scale), len(rows))]
            links = [(scale, float(values.mean()))]
        weights, bias = (np.array(part) for part in zip(*fits, strict=True))
        support = np.flatnonzero(weights.any(axis=0))
        return {"rows": rows[support], "weights": weights[:, support], "bias": bias, "link": np.array(links)}

    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        from scipy.special import expit

        learnt = self.learnt[number]
        if number not in self.derived:
            self.derived[number] = self._kernel.taken(learnt["rows"])
        values = self.derived[number].against(features) @ learnt["weights"].T + learnt["bias"]
        values = values * learnt["link"][:, 0] + learnt["link"][:, 1]
        if "classes" in learnt:
            values = expit(values)
            values = np.hstack([1 - values, values]) if values.shape[1] == 1 else values
            values = values / np.maximum(values.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
        return values, np.zeros_like(values)


def _classifier(kernel: np.ndarray, sign: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    from sklearn.svm import SVC

    return _function(SVC(kernel="precomputed", C=penalty, class_weight="balanced").fit(kernel, sign), len(sign))


def _function(model: Any, count: int) -> tuple[np.ndarray, float]:
    """(count,) weights of the training rows, and the bias."""
    weights = np.zeros(count)
    weights[model.support_] = model.dual_coef_[0]
    return weights, float(model.intercept_[0])


def _left_out(kernel: np.ndarray, sign: np.ndarray, parts: np.ndarray, penalty: float) -> np.ndarray:
    """(n,) decision of each row by the rows of the other parts; 0 where those are all of one class."""
    decisions = np.zeros(len(sign))
    for part in range(_PARTS):
        inside, others = np.flatnonzero(parts == part), np.flatnonzero(parts != part)
        if len(np.unique(sign[others])) == 2:
            weights, bias = _classifier(kernel[np.ix_(others, others)], sign[others], penalty)
            decisions[inside] = kernel[np.ix_(inside, others)] @ weights + bias
    return decisions


def _sigmoid(decisions: np.ndarray, sign: np.ndarray) -> tuple[float, float]:
    """(-A, -B) of the greatest likelihood, with the targets of Platt 1999 that keep it finite; never of falling probability."""
    from scipy.optimize import minimize

    positive = sign > 0
    count = np.array([np.sum(~positive), np.sum(positive)])
    wanted = np.where(positive, (count[1] + 1) / (count[1] + 2), 1 / (count[0] + 2))

    def loss(given: np.ndarray) -> tuple[float, np.ndarray]:
        score = given[0] * decisions + given[1]
        error = 1 / (1 + np.exp(-score)) - wanted
        return float(np.sum(np.logaddexp(0, score) - wanted * score)), np.array([error @ decisions, error.sum()])

    start = [1.0, float(np.log((count[1] + 1) / (count[0] + 1)))]
    best = minimize(loss, start, jac=True, bounds=[(0.0, 100.0), (-100.0, 100.0)], method="L-BFGS-B").x
    return float(best[0]), float(best[1])
