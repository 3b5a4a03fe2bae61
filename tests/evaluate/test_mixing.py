from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.evaluate.mixing import mixing_scores


def test_batches_apart_and_batches_mixed() -> None:
    generator = np.random.default_rng(0)
    labels, batches = np.tile(np.repeat(np.arange(3), 20), 2), np.repeat([0, 1], 60)
    biology = 8 * np.eye(3, 6)[labels] + generator.normal(size=(120, 6))
    mixed = mixing_scores(biology, labels, batches, generator=generator, neighbours=15)
    apart = mixing_scores(biology + 30 * np.eye(2, 6, 3)[batches], labels, batches, generator=generator, neighbours=15)
    assert mixed.batch > 0.85
    assert apart.batch < mixed.batch - 0.3
    assert mixed.biology > 0.85
    assert apart.connectivity == pytest.approx(0.5)
    noise = mixing_scores(generator.normal(size=(120, 6)), labels, batches, generator=generator, most=100)
    assert noise.biology < 0.5 < noise.batch
    assert mixed.total == pytest.approx(0.4 * mixed.batch + 0.6 * mixed.biology)


def test_one_batch_is_no_mixture() -> None:
    with pytest.raises(DataError, match="two batches"):
        mixing_scores(np.zeros((4, 2)), np.arange(4), np.zeros(4), generator=np.random.default_rng(0))


def test_labels_without_repetition() -> None:
    generator = np.random.default_rng(1)
    found = mixing_scores(generator.normal(size=(10, 3)), np.arange(10), np.arange(10) % 2, generator=generator)
    assert np.isnan(found.silhouette_batch)
    assert np.isfinite(found.batch)
