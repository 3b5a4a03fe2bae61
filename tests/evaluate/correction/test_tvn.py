from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from hooke.core.errors import UnknownNameError
from hooke.evaluate.correction.tvn import fit


def as_published(values: np.ndarray, batches: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """The five steps in the words of the equations, with scikit-learn and SciPy: centred on all controls."""
    from scipy.linalg import fractional_matrix_power
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    values = StandardScaler().fit(values[controls]).transform(values)
    values = PCA().fit(values[controls]).transform(values)
    values = StandardScaler().fit(values[controls]).transform(values)
    for name in np.unique(batches):
        rows = batches == name
        covariance = np.cov(values[rows & controls], rowvar=False, ddof=1) + 0.5 * np.eye(values.shape[1])
        values[rows] = values[rows] @ fractional_matrix_power(covariance, -0.5)
    return values


def test_as_published_on_controls_of_full_rank(screen: Any) -> None:
    found = fit(*screen.arguments(), centre="all").transform(screen.values, screen.batches)
    assert np.allclose(found, as_published(*screen.arguments()), atol=1e-10)


def test_batches_are_centred_by_default(screen: Any) -> None:
    found = fit(*screen.arguments()).transform(screen.values, screen.batches)
    for name in np.unique(screen.batches):
        assert np.allclose(found[(screen.batches == name) & screen.controls].mean(axis=0), 0)
    with pytest.raises(UnknownNameError):
        fit(*screen.arguments(), centre="plate")


@pytest.mark.parametrize("controls_per_batch", [1, 2, 3])
def test_few_controls_and_many_dimensions_stay_finite(
    controls_per_batch: int, screen: Any, caplog: pytest.LogCaptureFixture
) -> None:
    generator = np.random.default_rng(1)
    wide = np.column_stack([screen.values @ generator.normal(size=(10, 40)), screen.values])
    controls = screen.controls & (np.arange(len(wide)) % 80 < controls_per_batch)
    with caplog.at_level(logging.WARNING):
        fitted = fit(wide, screen.batches, controls)
    found = fitted.transform(wide, screen.batches)
    assert np.isrealobj(found)
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 1e3
    assert found.shape[1] <= 5 * controls_per_batch - 1
    assert ("spread is taken from all batches" in caplog.text) == (controls_per_batch == 1)
