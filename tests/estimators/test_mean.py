"""The mean, and what all estimators that learn label by label share."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hooke.core.errors import DataError, UsageError
from hooke.core.label import Label
from hooke.estimators import FEWEST, mean, ridge


def test_mean_and_frequencies(rows, fitted) -> None:
    found, std = fitted(mean).predict(rows.new)
    classes = rows.targets[:, 2]
    frequencies = [np.mean(classes == k) for k in range(4)]
    expected = [np.nanmean(rows.targets[:, 0]), rows.targets[:, 1].mean(), *frequencies]
    assert frequencies[2] == 0
    np.testing.assert_allclose(found, np.tile(expected, (30, 1)), rtol=1e-15)
    assert not std.any()


def test_only_labels_of_the_level_are_learnt() -> None:
    spec = SimpleNamespace(labels=(Label("y"), Label("charge", "node"), Label("o", kind="ordinal", classes=3)))
    estimator = mean.Estimator(mean.Config(), spec, "graph")
    assert [label.name for label in estimator.labels] == ["y", "o"]
    assert estimator.columns == 4
    with pytest.raises(UsageError, match="'force' has 3 a value"):
        mean.Estimator(mean.Config(), SimpleNamespace(labels=(Label("force", width=3),)), "graph")


def test_too_few_rows_give_the_constant() -> None:
    spec = SimpleNamespace(labels=(Label("y"),))
    features, targets = np.arange(8.0)[:, None], np.arange(8.0)[:, None]
    for measured in (FEWEST - 1, FEWEST):
        estimator = ridge.Estimator(ridge.Config(), spec, "graph")
        some = np.where(np.arange(8)[:, None] < measured, targets, np.nan)
        estimator.fit(features, some)
        found = estimator.predict(features)[0][:, 0]
        assert (np.ptp(found) == 0) == (measured < FEWEST)
        assert found.mean() == pytest.approx(some[:measured].mean() if measured < FEWEST else 3.5, rel=0.5)


def test_undefined_and_huge_features(rows, fitted) -> None:
    estimator = fitted(ridge)
    given, cut = rows.new[:3].copy(), rows.new[:3].copy()
    given[0, 0], given[1, 1], given[2, 2] = np.nan, np.inf, -1e9
    cut[0, 0], cut[1, 1], cut[2, 2] = 0.0, 1e6, -1e6
    np.testing.assert_array_equal(estimator.predict(given)[0], estimator.predict(cut)[0])


def test_a_fit_replaces_the_one_before(rows, fitted) -> None:
    estimator = fitted(ridge)
    estimator.fit(rows.train[:, :3], np.full((90, 3), np.nan))
    assert np.isnan(estimator.predict(rows.new[:, :3])[0]).all()
    assert set(estimator.arrays()) == {"inputs", "constants", "shift", "scale"}


def test_arrays_of_other_labels_and_features(rows, fitted) -> None:
    estimator = fitted(mean)
    with pytest.raises(UsageError, match="fitted with 12 features, not 5"):
        estimator.predict(rows.new[:, :5])
    for arrays in ({}, estimator.arrays()):
        with pytest.raises(DataError, match="estimator of 1 columns"):
            mean.Estimator.from_arrays(mean.Config(), SimpleNamespace(labels=(Label("y"),)), "graph", arrays)
