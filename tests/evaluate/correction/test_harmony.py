from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.evaluate.correction.harmony import fit
from hooke.evaluate.mixing import mixing_scores


def test_batches_mix_and_shapes_hold(screen: Any) -> None:
    fitted = fit(*screen.arguments(), generator=np.random.default_rng(0), clusters=8)
    assert fitted.shifts.shape == (8, 5, 10)
    assert np.allclose(np.linalg.norm(fitted.centroids, axis=1), 1)
    found = fitted.transform(screen.values, screen.batches)
    assert found.shape == screen.values.shape
    generator = np.random.default_rng(0)
    before, after = (
        mixing_scores(values, screen.labels, screen.batches, generator=generator) for values in (screen.values, found)
    )
    assert after.ilisi > before.ilisi + 0.2


def test_as_many_rows_as_features_and_one_batch() -> None:
    values = np.random.default_rng(1).normal(size=(12, 12))
    batches = np.repeat(["a", "b"], 6)
    assert fit(values, batches, np.zeros(12, bool), clusters=3).transform(values, batches).shape == (12, 12)
    alone = np.full(12, "a")
    found = fit(values, alone, np.zeros(12, bool), clusters=3).transform(values, alone)
    assert np.linalg.norm(found - values) < np.linalg.norm(values)
    with pytest.raises(UsageError, match="13 clusters for 12 rows"):
        fit(values, batches, np.zeros(12, bool), clusters=13)
