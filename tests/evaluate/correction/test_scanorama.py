from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hooke.evaluate.correction import scanorama
from hooke.evaluate.correction.scanorama import fit, smoothed


def test_two_halves_of_one_population_meet() -> None:
    generator = np.random.default_rng(0)
    kinds = np.tile(np.arange(4), 50)
    values = 5 * np.eye(4, 8)[kinds] + 0.3 * generator.normal(size=(200, 8))
    batches = np.repeat(["a", "b"], 100)
    moved = values + np.where(batches == "b", 1.5, 0)[:, None] * np.eye(8)[6]
    found = fit(moved, batches, np.zeros(200, bool)).transform(moved, batches)
    for kind in range(4):
        first, second = (found[(kinds == kind) & (batches == name)].mean(axis=0) for name in "ab")
        assert np.linalg.norm(first - second) < 0.1


def test_smoothing(monkeypatch: pytest.MonkeyPatch) -> None:
    anchors, moves = np.array([[0.0], [1.0]]), np.array([[10.0], [20.0]])
    found = smoothed(np.array([[0.0], [0.5], [1.0]]), anchors, moves, 50.0)
    assert np.allclose(found[:, 0], [10, 15, 20], atol=1e-6)
    assert np.array_equal(smoothed(np.ones((2, 1)), anchors[:0], moves[:0], 1.0), np.zeros((2, 1)))


def test_the_reference_is_bounded(screen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanorama, "_REFERENCE", 100)
    fitted = fit(*screen.arguments())
    assert len(fitted.reference) == 100
    assert sorted(fitted.names) == sorted(np.unique(screen.batches))
    assert fitted.ends[-1] == len(fitted.anchors)
