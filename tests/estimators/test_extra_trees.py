"""Extremely randomised trees against scikit-learn; features that hardly vary are not split on."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

from hooke.core.label import Label
from hooke.estimators import extra_trees


def test_scikit_learn(rows, fitted) -> None:
    found, std = fitted(extra_trees, seed=3, trees=40).predict(rows.new)
    value = ExtraTreesRegressor(40, max_features=0.33, random_state=3)
    value.fit(rows.train[rows.seen], rows.targets[rows.seen, 0])
    two = ExtraTreesClassifier(40, max_features="sqrt", class_weight="balanced", random_state=3)
    two.fit(rows.train, rows.targets[:, 1])
    np.testing.assert_allclose(found[:, 0], value.predict(rows.new), rtol=1e-12)
    np.testing.assert_allclose(found[:, 1], two.predict_proba(rows.new)[:, 1], rtol=1e-12)
    each = np.stack([tree.predict(rows.new) for tree in value.estimators_])
    np.testing.assert_allclose(std[:, 0], each.std(axis=0), rtol=1e-9, atol=1e-12)


def test_features_that_hardly_vary(rows) -> None:
    train, new = rows.train.copy(), rows.new.copy()
    train[:, 1] = 0.0
    train[:2, 1] = 1.0
    spec = SimpleNamespace(labels=(Label("y"), Label("b", kind="binary")))
    estimator = extra_trees.Estimator(extra_trees.Config(trees=20, least_varied=0.05), spec, "graph")
    estimator.fit(train, rows.targets[:, :2])
    used = {int(feature) for learnt in estimator.learnt.values() for feature in learnt["feature"] if feature >= 0}
    assert used == {*range(12)} - {1}
    moved = new.copy()
    moved[:, 1] = 99.0
    np.testing.assert_array_equal(estimator.predict(moved)[0], estimator.predict(new)[0])
