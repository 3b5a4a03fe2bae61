from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.evaluate.correction.centre_scale import fit


def test_controls_of_each_batch_have_mean_zero_and_deviation_one(screen: Any) -> None:
    found = fit(*screen.arguments()).transform(screen.values, screen.batches)
    for name in np.unique(screen.batches):
        own = found[(screen.batches == name) & screen.controls]
        assert np.allclose(own.mean(axis=0), 0)
        assert np.allclose(own.std(axis=0), 1)


def test_constant_features_stay_and_one_control_is_too_few(screen: Any) -> None:
    values = np.column_stack([screen.values, np.full(len(screen.values), 7.0)])
    found = fit(values, screen.batches, screen.controls).transform(values, screen.batches)
    assert np.allclose(found[:, -1], 0)
    with pytest.raises(DataError, match="has 1 controls, at least 2"):
        fit(values, screen.batches, np.arange(len(values)) % 80 == 0)
