"""Boosted trees against scikit-learn, and one step against the equations."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from sklearn.tree import DecisionTreeRegressor

from hooke.estimators import boosted_trees

OPTIONS = {"learning_rate": 0.1, "max_depth": 3, "subsample": 0.5, "max_features": 0.4, "random_state": 2}


def test_scikit_learn(rows, fitted) -> None:
    estimator = fitted(boosted_trees, seed=2, trees=40, learning_rate=0.1, depth=3, row_share=0.5, feature_share=0.4)
    found, std = estimator.predict(rows.new)
    value = GradientBoostingRegressor(n_estimators=40, **OPTIONS)
    value.fit(rows.train[rows.seen], rows.targets[rows.seen, 0])
    two = GradientBoostingClassifier(n_estimators=40, **OPTIONS).fit(rows.train, rows.targets[:, 1])
    three = GradientBoostingClassifier(n_estimators=40, **OPTIONS).fit(rows.train, rows.targets[:, 2])
    np.testing.assert_allclose(found[:, 0], value.predict(rows.new), rtol=1e-12)
    np.testing.assert_allclose(found[:, 1], two.predict_proba(rows.new)[:, 1], rtol=1e-12)
    np.testing.assert_allclose(found[:, [2, 3, 5]], three.predict_proba(rows.new), rtol=1e-12)
    assert not found[:, 4].any()
    assert not std.any()


def test_two_steps_of_squared_error(rows, fitted) -> None:
    estimator = fitted(boosted_trees, trees=2, learning_rate=0.3, depth=2, row_share=1.0, feature_share=1.0)
    x, y = rows.train[rows.seen], rows.targets[rows.seen, 0]
    at, new = np.full(len(y), y.mean()), np.full(30, y.mean())
    for _ in range(2):
        tree = DecisionTreeRegressor(max_depth=2).fit(x, y - at)
        at, new = at + 0.3 * tree.predict(x), new + 0.3 * tree.predict(rows.new)
    np.testing.assert_allclose(estimator.predict(rows.new)[0][:, 0], new, rtol=1e-12)


@pytest.mark.parametrize("number", [1, 2])
def test_before_the_first_tree_are_the_frequencies(rows, fitted, number: int) -> None:
    estimator = fitted(boosted_trees, trees=1, learning_rate=1e-9)
    classes = rows.targets[:, number]
    found = estimator.predict(rows.new)[0][:, 2:] if number == 2 else estimator.predict(rows.new)[0][:, [1]]
    expected = [np.mean(classes == k) for k in range(4)] if number == 2 else [classes.mean()]
    np.testing.assert_allclose(found, np.tile(expected, (30, 1)), atol=1e-7)
