"""Support vectors against scikit-learn on the kernel computed pair by pair, and probabilities against what happens."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from sklearn.svm import SVC, SVR

from hooke.core.label import Label
from hooke.estimators import support_vectors


def kernels(rows) -> tuple[np.ndarray, np.ndarray]:
    """Of the training rows, and of new rows with them."""
    train, new = ((part - rows.train.mean(0)) / rows.train.std(0) for part in (rows.train, rows.new))
    among = ((train[:, None] - train[None]) ** 2).sum(-1)
    median = np.median(among[np.triu_indices(len(train), 1)])
    return np.exp(-among / (4 * median)), np.exp(-((new[:, None] - train[None]) ** 2).sum(-1) / (4 * median))


def test_regression_of_scikit_learn(rows, fitted) -> None:
    among, across = kernels(rows)
    y = rows.targets[rows.seen, 0]
    model = SVR(kernel="precomputed", C=10.0, epsilon=0.05)
    model.fit(among[np.ix_(rows.seen, rows.seen)], (y - y.mean()) / y.std())
    expected = model.predict(across[:, rows.seen]) * y.std() + y.mean()
    found, std = fitted(support_vectors).predict(rows.new)
    np.testing.assert_allclose(found[:, 0], expected, atol=2e-3 * y.std())  # the solver stops within 1e-3
    assert not std.any()


def test_order_of_decisions_of_scikit_learn(rows, fitted) -> None:
    among, across = kernels(rows)
    model = SVC(kernel="precomputed", C=10.0, class_weight="balanced").fit(among, rows.targets[:, 1])
    decisions = model.decision_function(across)
    probability = fitted(support_vectors).predict(rows.new)[0][:, 1]
    far = np.abs(decisions[:, None] - decisions[None]) > 0.02
    same = (decisions[:, None] > decisions[None]) == (probability[:, None] > probability[None])
    assert same[far].all()


def test_probabilities_are_those_of_what_happens() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(900, 2))
    chance = 1 / (1 + np.exp(-2 * x[:, 0] + 1.5))
    y = (generator.uniform(size=900) < chance).astype(float)
    spec = SimpleNamespace(labels=(Label("b", kind="binary"),))
    estimator = support_vectors.Estimator(support_vectors.Config(penalty=0.1), spec, "graph")
    estimator.fit(x[:300], y[:300, None])
    found = estimator.predict(x[300:])[0][:, 0]
    assert np.abs(found - chance[300:]).mean() < 0.08
    estimator.fit(x[:300], (y[:300, None] * 0 + (generator.uniform(size=(300, 1)) < 0.2)))  # nothing to be learnt
    assert np.abs(estimator.predict(x[300:])[0] - 0.2).mean() < 0.1


def test_many_rows_are_drawn_from(rows, fitted) -> None:
    estimator = fitted(support_vectors, most_rows=40)
    assert all(len(learnt["rows"]) <= 40 for learnt in estimator.learnt.values())
    assert (
        np.corrcoef(estimator.predict(rows.new)[0][:, 0], rows.new @ [1.0, -2, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, -1])[0, 1]
        > 0.8
    )
