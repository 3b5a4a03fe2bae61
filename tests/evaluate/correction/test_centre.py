from __future__ import annotations

from typing import Any

import numpy as np

from hooke.evaluate.correction.centre import fit


def test_controls_of_each_batch_are_at_zero(screen: Any) -> None:
    found = fit(*screen.arguments()).transform(screen.values, screen.batches)
    for name in np.unique(screen.batches):
        rows = screen.batches == name
        assert np.allclose(found[rows & screen.controls].mean(axis=0), 0)
        assert np.allclose(found[rows] - found[rows][0], screen.values[rows] - screen.values[rows][0])
