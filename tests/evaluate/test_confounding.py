from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.evaluate.confounding import count_confounding, remove_count


def test_what_the_count_explains_is_seen_and_removed() -> None:
    generator = np.random.default_rng(0)
    counts = generator.integers(10, 1000, 200)
    direction = generator.normal(size=8)
    values = np.outer(np.log10(1000 / counts), direction) * 3 + 0.3 * generator.normal(size=(200, 8))
    found = count_confounding(values, counts, generator=generator, pairs=5000)
    assert found.variance_explained > 0.8
    assert found.magnitude_correlation < -0.8
    centred = count_confounding(values - values.mean(axis=0), counts, generator=generator, pairs=5000)
    assert centred.similarity_correlation < -0.5
    clean = count_confounding(remove_count(values, counts), counts, generator=generator, pairs=5000)
    assert abs(clean.variance_explained) < 0.05
    assert np.allclose(remove_count(values, counts).mean(axis=0), values.mean(axis=0))


def test_counts_that_do_not_matter() -> None:
    generator = np.random.default_rng(1)
    found = count_confounding(
        generator.normal(size=(300, 5)), generator.integers(50, 90, 300), generator=generator, pairs=5000
    )
    assert abs(found.variance_explained) < 0.03
    assert abs(found.similarity_correlation) < 0.1


def test_what_is_refused() -> None:
    with pytest.raises(DataError, match="at least 6"):
        remove_count(np.zeros((3, 2)), np.ones(3))
    with pytest.raises(DataError, match="not negative"):
        remove_count(np.zeros((6, 2)), -np.ones(6))
