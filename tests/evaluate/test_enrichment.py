from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

from hooke.evaluate.enrichment import rank_sums


def test_it_is_the_rank_sum_test_of_scipy() -> None:
    generator = np.random.default_rng(0)
    values = np.round(generator.normal(size=80), 1)  # with ties
    values[3] = np.nan
    members = (generator.random((6, 80)) < 0.2).astype(float)
    members[5] = 0
    members[5, :4] = 1  # three of them known: too few
    values[members[0] > 0] += 1
    z, p = rank_sums(values, scipy.sparse.csr_array(members))
    for row in range(5):
        inside, outside = (values[(members[row] == side) & ~np.isnan(values)] for side in (1, 0))
        expected = scipy.stats.mannwhitneyu(inside, outside, use_continuity=False, method="asymptotic")
        assert p[row] == pytest.approx(expected.pvalue)
        assert np.sign(z[row]) == np.sign(expected.statistic - len(inside) * len(outside) / 2)
    assert z[0] > 2
    assert np.isnan(z[5])
    assert np.isnan(rank_sums(np.ones(80), scipy.sparse.csr_array(members))[0]).all()
