from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from hooke.evaluate.differential import rank_sums, welch


def test_welch_is_scipys() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.normal(0.3, 1, (30, 5)), generator.normal(0, 2, (50, 5))
    found = welch(
        first.mean(axis=0)[None], first.var(axis=0, ddof=1)[None], np.array([30.0]), second.mean(axis=0)[None],
        second.var(axis=0, ddof=1)[None] / 50, np.array([50.0]),
    )  # fmt: skip
    expected = scipy.stats.ttest_ind(first, second, equal_var=False)
    assert found.statistic[0] == pytest.approx(expected.statistic, rel=1e-12)
    assert found.p_value[0] == pytest.approx(expected.pvalue, rel=1e-9)


def test_welch_without_variance() -> None:
    found = welch(
        np.array([[1.0, 2.0]]),
        np.zeros((1, 2)),
        np.array([5.0]),
        np.array([[1.0, 1.0]]),
        np.zeros((1, 2)),
        np.array([5.0]),
    )
    assert found.statistic[0, 0] == 0
    assert np.isnan(found.statistic[0, 1])
    assert found.significant().tolist() == [[False, False]]


@pytest.mark.parametrize("ties", [False, True])
def test_rank_sums_are_scipys(ties: bool) -> None:
    generator = np.random.default_rng(1)
    values = generator.normal(size=(120, 6)) * (generator.random((120, 6)) < 0.5)
    if ties:
        values = np.rint(values * 2)
    groups = generator.integers(-1, 3, 120)
    found = rank_sums(values, groups, 4)
    for group in range(3):
        expected = scipy.stats.mannwhitneyu(
            values[groups == group], values[groups == -1], use_continuity=False, method="asymptotic"
        )
        assert found.p_value[group] == pytest.approx(expected.pvalue, rel=1e-9)
        higher = expected.statistic > (groups == group).sum() * (groups == -1).sum() / 2
        assert ((found.statistic[group] > 0) == higher).all()
    assert np.isnan(found.statistic[3]).all()  # no cell


def test_a_gene_that_is_constant_is_undefined() -> None:
    found = rank_sums(np.zeros((10, 1)), np.array([-1] * 5 + [0] * 5), 1)
    assert np.isnan(found.p_value).all()
    assert not found.significant().any()


def test_the_rate_of_false_discoveries_is_kept_within_rows() -> None:
    generator = np.random.default_rng(2)
    values = generator.normal(size=(200, 400))
    groups = np.repeat([-1, 0], 100)
    assert rank_sums(values, groups, 1).significant().sum() <= 2
    values[groups == 0, :40] += 2
    found = rank_sums(values, groups, 1).significant()[0]
    assert found[:40].all()
    assert found[40:].sum() <= 8
