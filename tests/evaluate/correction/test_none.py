from __future__ import annotations

from typing import Any

import numpy as np

from hooke.evaluate.correction.none import fit


def test_nothing_changes_and_nothing_is_shared(screen: Any) -> None:
    found = fit(*screen.arguments()).transform(screen.values, screen.batches)
    assert np.array_equal(found, screen.values)
    assert not np.shares_memory(found, screen.values)
