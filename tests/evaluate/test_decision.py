from __future__ import annotations

import numpy as np

from hooke.evaluate.decision import balanced_threshold


def test_the_threshold_has_the_greatest_balanced_accuracy() -> None:
    generator = np.random.default_rng(0)
    true = (generator.random(300) < 0.1).astype(float)
    probability = np.clip(0.05 + 0.15 * true + 0.08 * generator.normal(size=300), 0, 1)  # a rare class: never above ½
    found = balanced_threshold(probability, true)
    assert found is not None

    def score(threshold: float) -> float:
        called = probability >= threshold
        return (called[true == 1].mean() + (~called[true == 0]).mean()) / 2

    assert score(found) >= max(score(threshold) for threshold in np.linspace(0, 1, 501)) - 1e-12
    assert found < 0.3
    assert score(0.5) == 0.5


def test_of_equally_good_thresholds_the_one_nearest_to_one_half_is_taken() -> None:
    assert balanced_threshold(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0, 0, 1, 1])) == 0.5
    assert balanced_threshold(np.array([0.1, 0.2, np.nan, 0.4]), np.array([0, 1, 1, 1])) == (0.1 + 0.2) / 2


def test_one_class_sets_no_threshold() -> None:
    assert balanced_threshold(np.array([0.1, 0.9]), np.ones(2)) is None
    assert balanced_threshold(np.array([0.1, 0.9]), np.array([1, np.nan])) is None
    assert balanced_threshold(np.zeros(0), np.zeros(0)) is None
