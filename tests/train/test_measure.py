"""Decisions and calibration from prediction columns."""

from __future__ import annotations

import numpy as np

from hooke.core.labels import Label
from hooke.inference.ensemble import Prediction
from hooke.train.measure import calibrate, decided

LABELS = [Label("y"), Label("c", kind="multiclass", classes=3)]


def test_decided_takes_the_most_probable_class() -> None:
    found = decided(np.array([[1.5, 0.2, 0.7, 0.1], [2.0, 0.5, 0.3, 0.2]]), LABELS)
    assert found.tolist() == [[1.5, 1.0], [2.0, 0.0]]
    assert decided(np.zeros((2, 0)), []).shape == (2, 0)


def test_calibration_gives_intervals_and_sets() -> None:
    generator = np.random.default_rng(0)
    mean = np.column_stack([generator.normal(size=50), generator.dirichlet(np.ones(3), 50)])
    truth = np.column_stack([mean[:, 0] + generator.normal(size=50), mean[:, 1:].argmax(axis=1)])
    found = calibrate(Prediction(mean, np.ones_like(mean)), truth, LABELS)
    assert {name: entry["kind"] for name, entry in found.items()} == {"y": "interval", "c": "set"}
