"""Trees as arrays against scikit-learn, and against a walk by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from hooke.estimators import Trees, forest


def test_scikit_learn(rows, fitted) -> None:
    found, std = fitted(forest, seed=3, trees=60).predict(rows.new)
    value = RandomForestRegressor(60, max_features=0.33, random_state=3)
    value.fit(rows.train[rows.seen], rows.targets[rows.seen, 0])
    options = {"max_features": "sqrt", "class_weight": "balanced_subsample", "random_state": 3}
    two = RandomForestClassifier(60, **options).fit(rows.train, rows.targets[:, 1])
    three = RandomForestClassifier(60, **options).fit(rows.train, rows.targets[:, 2])
    np.testing.assert_allclose(found[:, 0], value.predict(rows.new), rtol=1e-12)
    np.testing.assert_allclose(found[:, 1], two.predict_proba(rows.new)[:, 1], rtol=1e-12)
    np.testing.assert_allclose(found[:, [2, 3, 5]], three.predict_proba(rows.new), rtol=1e-12)
    assert not found[:, 4].any()
    each = np.array([tree.predict(rows.new) for tree in value.estimators_])
    np.testing.assert_allclose(std[:, 0], each.std(axis=0), rtol=1e-12)
    each = np.array([tree.predict_proba(rows.new)[:, 0] for tree in three.estimators_])
    np.testing.assert_allclose(std[:, 2], each.std(axis=0), rtol=1e-12, atol=1e-15)


def test_larger_leaves(rows, fitted) -> None:
    value = RandomForestRegressor(20, max_features=0.5, min_samples_leaf=9, random_state=0)
    value.fit(rows.train[rows.seen], rows.targets[rows.seen, 0])
    found = fitted(forest, trees=20, feature_share=0.5, smallest_leaf=9).predict(rows.new)[0]
    np.testing.assert_allclose(found[:, 0], value.predict(rows.new), rtol=1e-12)


def test_leaves_by_hand() -> None:
    """Two trees: a split of a split, and a single leaf; a feature is compared as float32, and at the threshold goes left."""
    third = float(np.float32(1 / 3))
    trees = Trees(
        feature=np.array([1, -2, 0, -2, -2, -2], np.int32),
        threshold=np.array([third, -2, 5.0, -2, -2, -2]),
        children=np.array([[1, 2], [-1, -1], [3, 4], [-1, -1], [-1, -1], [-1, -1]], np.int32),
        value=np.arange(6.0)[:, None],
        offsets=np.array([0, 5, 6]),
    )
    assert third > 1 / 3
    features = np.array([[9.0, third], [9.0, third + 1e-12], [5.0, 0.4], [5.1, 0.4], [0.0, -1.0]])
    assert trees.leaves(features).tolist() == [[1, 1, 3, 4, 1], [5] * 5]
    assert trees.leaves(features[:0]).shape == (2, 0)


def test_trees_are_read_whole(rows) -> None:
    """Every node is there, and rows end where scikit-learn's `apply` ends them, with features that float32 cannot hold."""
    features = rows.train + 1e-9 * np.arange(90)[:, None]
    grown = [
        DecisionTreeRegressor(max_depth=depth, random_state=0).fit(features, features[:, 0]) for depth in (1, 4, 9)
    ]
    trees = Trees.of(grown)
    assert trees.offsets.tolist() == np.cumsum([0, *(tree.tree_.node_count for tree in grown)]).tolist()
    expected = np.array([tree.apply(features) for tree in grown]) + trees.offsets[:-1, None]
    np.testing.assert_array_equal(trees.leaves(features), expected)


def test_many_rows_are_predicted_in_blocks(rows, fitted) -> None:
    estimator = fitted(forest, trees=5)
    many = np.resize(rows.new, (2500, 12))
    for found, expected in zip(estimator.predict(many), estimator.predict(rows.new), strict=True):
        np.testing.assert_allclose(found, np.resize(expected, (2500, 6)), rtol=1e-12, atol=1e-15)


def test_nothing_to_learn(rows) -> None:
    estimator = forest.Estimator(forest.Config(), SimpleNamespace(labels=()), "graph")
    estimator.fit(rows.train, np.zeros((90, 0)))
    assert estimator.predict(rows.new)[0].shape == (30, 0)
