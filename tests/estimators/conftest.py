"""Made-up rows and labels for the tests of estimators."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hooke.core.label import Label

VALUE, BINARY, CLASSES = Label("y"), Label("b", kind="binary"), Label("c", kind="multiclass", classes=4)


class Rows(SimpleNamespace):
    """90 training rows, 30 new ones and targets of a value, two classes, and classes 0, 1 and 3 of four; the value has gaps."""

    train: np.ndarray
    new: np.ndarray
    targets: np.ndarray

    @property
    def seen(self) -> np.ndarray:
        """Where the value is measured."""
        return ~np.isnan(self.targets[:, 0])


@pytest.fixture(scope="session")
def rows() -> Rows:
    generator = np.random.default_rng(0)
    features = np.hstack([generator.normal(size=(120, 6)), generator.poisson(1.0, (120, 6))])
    value = features @ np.array([1.0, -2, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, -1]) + 0.2 * generator.normal(size=120)
    classes = np.where(value < -1, 0, np.where(value < 1, 1, 3))
    targets = np.stack([value, value > 0, classes], axis=1).astype(np.float64)
    targets[::7, 0] = np.nan
    return Rows(train=features[:90], new=features[90:], targets=targets[:90])


@pytest.fixture(scope="session")
def fitted(rows: Rows) -> Callable[..., Any]:
    """An estimator of a file, fitted to the three labels with these options."""

    def fit(module: ModuleType, seed: int = 0, **options: Any) -> Any:
        spec = SimpleNamespace(labels=(VALUE, BINARY, CLASSES))
        estimator = module.Estimator(module.Config(**options), spec, "graph")
        estimator.fit(rows.train, rows.targets, seed=seed)
        return estimator

    return fit
