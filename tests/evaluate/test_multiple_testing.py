from __future__ import annotations

import numpy as np

from hooke.evaluate.multiple_testing import benjamini_hochberg, empirical_p


def test_against_scipy() -> None:
    from scipy.stats import false_discovery_control

    p = np.random.default_rng(0).uniform(size=50) ** 2
    assert np.allclose(benjamini_hochberg(p), false_discovery_control(p))
    with_missing = benjamini_hochberg(np.array([0.01, np.nan, 0.5]))
    assert with_missing[0] == 0.02
    assert np.isnan(with_missing[1])
    assert np.isnan(benjamini_hochberg(np.array([np.nan]))).all()


def test_small_nulls_are_exact_and_nothing_is_impossible() -> None:
    found = empirical_p(np.array([10.0, 2.0, 0.0, np.nan]), np.array([1.0, 2.0, 3.0]))
    assert np.allclose(found[:3], [1 / 4, 3 / 4, 1])
    assert np.isnan(found[3])
