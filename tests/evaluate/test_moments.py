from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hooke.evaluate.moments import Moments


@given(cuts=st.lists(st.integers(1, 39), max_size=4), shift=st.sampled_from([0.0, 1e6]), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_blocks_give_the_moments_of_the_whole(cuts: list[int], shift: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    data = shift + generator.normal(size=(40, 3)) * [1.0, 10.0, 0.0]
    data[generator.random(data.shape) < 0.2] = np.nan
    data[0] = shift
    blocks = np.split(data, sorted(set(cuts)))
    total = Moments.of(blocks[0])
    for block in blocks[1:]:
        total = total.merged(Moments.of(block))
    found = total.statistics()
    assert np.array_equal(found.count, (~np.isnan(data)).sum(axis=0))
    np.testing.assert_allclose(found.mean, np.nanmean(data, axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found.std[:2], np.nanstd(data, axis=0)[:2], rtol=1e-8)
    assert found.std[2] == 1  # a constant is not divided by zero


def test_nothing_measured() -> None:
    found = Moments.of(np.full((3, 2), np.nan)).statistics()
    assert (found.count.tolist(), found.mean.tolist(), found.std.tolist()) == ([0, 0], [0, 0], [1, 1])
