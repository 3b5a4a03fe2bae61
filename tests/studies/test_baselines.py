"""Baselines learn what can be learnt, per label on what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import UnknownNameError
from hooke.core.label import Label
from hooke.studies.baselines import BASELINES, baseline_predictions

LABELS = (Label("y"), Label("b", kind="binary"), Label("never"), Label("constant"))


def data() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(120, 6))
    value = features @ np.array([1.0, -2, 0, 0, 0.5, 0])
    targets = np.stack([value, (value > 0).astype(float), np.full(120, np.nan), np.full(120, 3.0)], axis=1)
    targets[::7, 0] = np.nan
    return features, targets


@pytest.mark.parametrize("name", BASELINES)
def test_baselines(name: str) -> None:
    features, targets = data()
    train, test = np.arange(90), np.arange(90, 120)
    found = baseline_predictions(name, features, targets, LABELS, train, test)
    assert found.shape == (30, 4)
    assert np.isnan(found[:, 2]).all()
    np.testing.assert_allclose(found[:, 3], 3.0)
    assert ((found[:, 1] >= 0) & (found[:, 1] <= 1)).all()
    error = np.sqrt(np.nanmean((found[:, 0] - targets[test, 0]) ** 2))
    spread = np.nanstd(targets[test, 0])
    if name == "mean":
        assert np.unique(found[:, 0]).tolist() == pytest.approx([np.nanmean(targets[train, 0])])
    else:
        assert error < 0.75 * spread  # a forest of 77 noisy rows explains about half of a linear target
        assert np.mean((found[:, 1] > 0.5) == targets[test, 1]) > 0.75
    np.testing.assert_array_equal(found, baseline_predictions(name, features, targets, LABELS, train, test))


def test_unknown_baseline() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'forest'"):
        baseline_predictions("forst", *data(), LABELS, np.arange(5), np.arange(5))
