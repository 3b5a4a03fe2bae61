from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.evaluate.whitening import whiten


def test_directions_become_equal() -> None:
    values = np.random.default_rng(0).normal(size=(2000, 3)) * [1, 10, 100] + 5
    covariance = np.cov(whiten(values, ridge=1e-9), rowvar=False)
    assert np.allclose(covariance, np.eye(3), atol=1e-4)
    softened = np.cov(whiten(values, ridge=1.0), rowvar=False)
    assert softened[0, 0] < softened[1, 1] < softened[2, 2] < 1
    assert np.array_equal(whiten(np.ones((4, 2))), np.zeros((4, 2)))
    with pytest.raises(DataError, match="NaN"):
        whiten(np.array([[np.nan]]))
