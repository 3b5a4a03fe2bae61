from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hooke.evaluate.moments import Moments, binary_exponent, spread


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


@pytest.mark.parametrize("unit", [1e-35, 5e-9, 1.0, 1e20])
def test_a_column_is_constant_or_not_in_any_unit(unit: float) -> None:
    values = unit * np.array([[1.0, 0.3], [2.0, 0.3], [4.0, 0.3]])
    found = Moments.of(values).statistics()
    np.testing.assert_allclose(found.std, [unit * np.std([1, 2, 4]), 1.0])
    np.testing.assert_allclose(spread(values), [unit * np.std([1, 2, 4]), 1.0])
    scaled = np.ldexp(values[:, 0], -binary_exponent(values[:, 0]))
    assert 0.5 <= scaled.std() < 1
    assert np.array_equal(np.ldexp(scaled, binary_exponent(values[:, 0])), values[:, 0])


def test_constants_are_told_from_what_is_small() -> None:
    assert spread(np.array([[1.0, 1e9], [1.0, -1e9]])).tolist() == [1, 1e9]
    assert spread(np.full((1000, 2), 0.1, np.float32)).tolist() == [1, 1]
    assert binary_exponent(np.full(3, 0.25)) == 0
