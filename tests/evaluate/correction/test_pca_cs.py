from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.evaluate.correction.pca_cs import fit, principal_components


def test_against_scikit_learn(screen: Any) -> None:
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    rotated = PCA().fit(screen.values[screen.controls]).transform(screen.values)
    for name in np.unique(screen.batches):
        rows = screen.batches == name
        rotated[rows] = StandardScaler().fit(rotated[rows & screen.controls]).transform(rotated[rows])
    found = fit(*screen.arguments()).transform(screen.values, screen.batches)
    assert np.allclose(found, rotated)
    assert np.allclose(fit(*screen.arguments(), components=3).transform(screen.values, screen.batches), rotated[:, :3])


def test_components_that_the_controls_do_not_span_are_dropped(screen: Any) -> None:
    _, components = principal_components(np.column_stack([screen.values, screen.values[:, :2]]), 1e-6)
    assert components.shape == (12, 10)
    assert np.allclose(components.T @ components, np.eye(10))
    with pytest.raises(DataError, match="same embedding"):
        principal_components(np.ones((5, 3)), 1e-6)
