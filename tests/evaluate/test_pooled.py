from __future__ import annotations

import numpy as np
import pytest

from hooke.evaluate.pooled import Pooled


def cells(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    groups = generator.integers(0, 30, 600)
    true = 100 + generator.normal(size=30)[groups] + generator.normal(size=600)
    predicted = true + generator.normal(size=600)
    predicted[:5], true[7] = np.nan, np.nan
    return predicted, true, groups


def plain(predicted: np.ndarray, true: np.ndarray) -> tuple[float, float]:
    kept = ~(np.isnan(predicted) | np.isnan(true))
    x, y = predicted[kept], true[kept]
    return float(np.corrcoef(x, y)[0, 1]), float(np.sqrt(np.mean((x - y) ** 2)))


def test_scores_are_those_of_all_cells() -> None:
    predicted, true, groups = cells()
    found = Pooled.of(predicted, true, groups)
    assert (found.score("pearson"), found.score("rmse")) == pytest.approx(plain(predicted, true), rel=1e-9)
    assert np.isnan(Pooled.of(np.full(600, 3.0), true, groups).score("pearson"))
    assert np.isnan(Pooled.of(np.full(600, np.nan), true, groups).score("rmse"))


def test_intervals_are_those_of_resampled_groups() -> None:
    predicted, true, groups = cells()
    generator = np.random.default_rng(1)
    draws = []
    for _ in range(400):
        rows = np.concatenate([np.flatnonzero(groups == group) for group in generator.integers(0, 30, 30)])
        draws.append(plain(predicted[rows], true[rows]))
    for place, name in enumerate(("pearson", "rmse")):
        low, high = np.quantile([draw[place] for draw in draws], [0.025, 0.975])
        found = Pooled.of(predicted, true, groups).interval(name, generator=np.random.default_rng(0))
        assert found.low == pytest.approx(low, abs=0.25 * (high - low))
        assert found.high == pytest.approx(high, abs=0.25 * (high - low))


def test_differences_are_paired() -> None:
    predicted, true, groups = cells()
    one, other = Pooled.of(predicted, true, groups), Pooled.of(predicted + 1e-3, true, groups)
    found = other.difference(one, "rmse", generator=np.random.default_rng(0))
    apart = one.interval("rmse", generator=np.random.default_rng(0))
    assert found.high - found.low < 0.01 * (apart.high - apart.low)
    assert one.difference(one, "pearson", generator=np.random.default_rng(0)).value == 0.0
