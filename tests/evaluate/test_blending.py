"""Weights against an exhaustive search and the conditions of an optimum; folds; labels learnt as logarithms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from hooke.evaluate.blending import better_as_logarithms, blend_weights, blended, grouped_folds, losses


def objective(weights: np.ndarray, predictions: np.ndarray, truth: np.ndarray, classes: bool, penalty: float) -> float:
    def loss(chosen: np.ndarray) -> float:
        mean = np.tensordot(chosen, predictions, 1)
        if not classes:
            return float(np.mean((mean[:, 0] - truth) ** 2))
        true = np.where(truth == 1, mean[:, 0], 1 - mean[:, 0])
        return float(-np.log(true).mean())

    equal = np.full(len(weights), 1 / len(weights))
    return loss(weights) / loss(equal) + penalty * float(np.sum((weights - equal) ** 2))


@pytest.mark.parametrize("classes", [False, True])
@pytest.mark.parametrize("penalty", [0.0, 0.1, 10.0])
def test_weights_by_exhaustive_search(classes: bool, penalty: float) -> None:
    generator = np.random.default_rng(1)
    truth = generator.normal(size=60)
    predictions = truth[None] + generator.normal(size=(3, 60)) * np.array([0.4, 0.6, 2.0])[:, None]
    if classes:
        truth, predictions = (truth > 0).astype(float), np.clip(expit(2 * predictions), 0.01, 0.99)
    predictions = predictions[:, :, None]
    found = blend_weights(predictions, truth, classes=classes, penalty=penalty)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1, abs=1e-12)
    steps = np.linspace(0, 1, 101)
    grid = [np.array([a, b, 1 - a - b]) for a in steps for b in steps if a + b <= 1 + 1e-9]
    best = min(grid, key=lambda weights: objective(np.maximum(weights, 0), predictions, truth, classes, penalty))
    value = objective(found, predictions, truth, classes, penalty)
    assert value <= objective(np.maximum(best, 0), predictions, truth, classes, penalty) + 1e-9
    np.testing.assert_allclose(found, best, atol=0.02)


def test_penalty_pulls_to_equal_weights_and_nothing_to_learn_from_gives_them() -> None:
    generator = np.random.default_rng(0)
    truth = generator.normal(size=30)
    predictions = np.stack([truth, generator.normal(size=30)])[:, :, None]
    assert blend_weights(predictions, truth, penalty=0)[0] == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(blend_weights(predictions, truth, penalty=1e6), 0.5, atol=1e-4)
    np.testing.assert_array_equal(blend_weights(predictions[:, :0], truth[:0]), 0.5)
    np.testing.assert_array_equal(blend_weights(predictions[:1], truth), 1.0)


def test_several_classes() -> None:
    generator = np.random.default_rng(0)
    truth = generator.integers(0, 3, 200).astype(float)
    right = np.full((200, 3), 0.1) + 0.7 * np.eye(3)[truth.astype(int)]
    blind = np.full((200, 3), 1 / 3)
    weights = blend_weights(np.stack([right, blind]), truth, classes=True)
    assert weights[0] > 0.9
    assert losses(right, truth, classes=True) == pytest.approx(-np.log(0.8))


def test_blend_is_a_mixture() -> None:
    means, stds = np.array([[[1.0]], [[3.0]], [[np.nan]]]), np.array([[[0.5]], [[1.0]], [[np.nan]]])
    mean, std = blended(means, stds, np.array([[0.25], [0.75], [0.0]]))
    assert mean[0, 0] == 2.5
    draws = np.concatenate(
        [np.random.default_rng(0).normal(1, 0.5, 25_000), np.random.default_rng(1).normal(3, 1.0, 75_000)]
    )
    assert std[0, 0] == pytest.approx(draws.std(), rel=0.01)


def test_folds_keep_groups_together() -> None:
    groups = np.repeat(np.arange(40), np.random.default_rng(0).integers(1, 6, 40))
    fold = grouped_folds(groups, 5, seed=3)
    assert all(len(set(fold[groups == group])) == 1 for group in range(40))
    counts = np.bincount(fold)
    assert len(counts) == 5
    assert np.ptp(counts) <= 5
    assert not np.array_equal(fold, grouped_folds(groups, 5, seed=4))
    assert set(grouped_folds(np.array([7, 7, 9]), 5, seed=0)) == {0, 1}


def test_logarithms_of_skewed_positive_values() -> None:
    generator = np.random.default_rng(0)
    half_lives = np.exp(generator.normal(size=200))
    assert better_as_logarithms(half_lives)
    assert not better_as_logarithms(np.r_[half_lives, 0.0])  # not positive
    assert not better_as_logarithms(generator.normal(7, 1, 200))  # potencies
    assert not better_as_logarithms(-half_lives)
    assert not better_as_logarithms(half_lives[:5])
    assert not better_as_logarithms(np.full(50, 2.0))
