"""Nearest profiles against a search one by one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.spatial.distance import cosine

from hooke.core.label import Label
from hooke.estimators import nearest


@pytest.mark.parametrize("k", [1, 4, 200])
def test_one_by_one(rows, fitted, k: int) -> None:
    found, std = fitted(nearest, k=k).predict(rows.new)
    for row, features in enumerate(rows.new):
        order = sorted(range(90), key=lambda other: cosine(features, rows.train[other]))
        value = [rows.targets[other, 0] for other in order if rows.seen[other]][:k]
        classes = rows.targets[order[:k], 2]
        assert found[row, 0] == pytest.approx(np.mean(value), rel=1e-12)
        assert found[row, 1] == pytest.approx(rows.targets[order[:k], 1].mean(), rel=1e-12)
        np.testing.assert_allclose(found[row, 2:], [np.mean(classes == number) for number in range(4)], rtol=1e-12)
    assert not std.any()


def test_the_first_of_equally_similar_rows() -> None:
    generator = np.random.default_rng(1)
    profiles = generator.normal(size=(9, 301))
    features = np.vstack([profiles * factor for factor in (1.0, 3.0, 0.1)])  # the same directions three times
    estimator = nearest.Estimator(nearest.Config(), SimpleNamespace(labels=(Label("y"),)), "graph")
    estimator.fit(features, np.arange(27.0)[:, None])
    np.testing.assert_array_equal(estimator.predict(7 * profiles)[0][:, 0], np.arange(9.0))
    assert estimator.predict(np.zeros((1, 301)))[0][0, 0] == 0
