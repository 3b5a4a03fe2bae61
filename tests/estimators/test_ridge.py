"""Ridge regression against its closed form and scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import RidgeClassifierCV, RidgeCV

from hooke.estimators import ridge


def scaled(rows, features: np.ndarray) -> np.ndarray:
    return np.clip((features - rows.train.mean(0)) / rows.train.std(0), -10, 10)


def solved(x: np.ndarray, y: np.ndarray, new: np.ndarray, alpha: float) -> np.ndarray:
    middle = x.mean(0)
    weights = np.linalg.solve((x - middle).T @ (x - middle) + alpha * np.eye(12), (x - middle).T @ (y - y.mean()))
    return (new - middle) @ weights + y.mean()


def test_closed_form_of_the_penalty_that_leaves_the_least_error(rows, fitted) -> None:
    x, y, new = scaled(rows, rows.train)[rows.seen], rows.targets[rows.seen, 0], scaled(rows, rows.new)

    def left_out(alpha: float) -> float:
        others = [np.delete(np.arange(len(y)), row) for row in range(len(y))]
        return sum((solved(x[kept], y[kept], x[[row]], alpha)[0] - y[row]) ** 2 for row, kept in enumerate(others))

    penalties = np.logspace(-1, 5, 13)
    best = min(penalties, key=left_out)
    assert penalties[0] < best < penalties[-1]
    np.testing.assert_allclose(fitted(ridge).predict(rows.new)[0][:, 0], solved(x, y, new, best), rtol=1e-10)
    np.testing.assert_allclose(
        fitted(ridge, alphas=(70.0,)).predict(rows.new)[0][:, 0], solved(x, y, new, 70.0), rtol=1e-10
    )


def test_scikit_learn(rows, fitted) -> None:
    found, std = fitted(ridge).predict(rows.new)
    x, new, alphas = scaled(rows, rows.train), scaled(rows, rows.new), np.logspace(-1, 5, 13)
    value = RidgeCV(alphas=alphas).fit(x[rows.seen], rows.targets[rows.seen, 0]).predict(new)
    two = RidgeClassifierCV(alphas=alphas).fit(x, rows.targets[:, 1]).decision_function(new)
    three = RidgeClassifierCV(alphas=alphas).fit(x, rows.targets[:, 2]).decision_function(new)
    np.testing.assert_allclose(found[:, 0], value, rtol=1e-12)
    np.testing.assert_allclose(found[:, 1], 1 / (1 + np.exp(-2 * two)), rtol=1e-12)
    np.testing.assert_allclose(found[:, [2, 3, 5]], np.exp(three) / np.exp(three).sum(1, keepdims=True), rtol=1e-12)
    assert not found[:, 4].any()
    assert not std.any()
