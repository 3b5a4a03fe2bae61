from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.evaluate.hits import call_hits


def test_effects_are_called_and_the_rest_is_left_alone() -> None:
    generator = np.random.default_rng(0)
    values = generator.normal(size=(300, 8)) * [1, 1, 1, 1, 1, 1, 1, 10]
    labels = np.concatenate([np.full(100, ""), np.repeat([f"g{number:02d}" for number in range(50)], 4)])
    controls = labels == ""
    values[100:120, 0] += 4  # five genes with an effect in a quiet direction
    found = call_hits(values, labels, controls, generator=generator)
    assert found.called[:5].all()
    assert found.called[5:].sum() <= 3
    assert found.replicates.tolist() == [4] * 50
    assert np.mean(found.p_values[5:] < 0.1) == pytest.approx(0.1, abs=0.12)
    with pytest.raises(DataError, match="at least 8"):
        call_hits(values, labels, np.arange(300) < 5, generator=generator)
