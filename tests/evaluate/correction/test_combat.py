from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hooke.core.errors import DataError, UnknownNameError
from hooke.evaluate.correction.combat import fit, posterior


def test_posterior_solves_its_equations() -> None:
    standard = np.random.default_rng(0).normal(size=(30, 8)) * np.linspace(0.5, 2, 8) + np.linspace(-1, 1, 8)
    shift, variance = posterior(standard, tolerance=1e-12)
    count, mean, spread = 30, standard.mean(axis=0), standard.var(axis=0, ddof=1)
    prior, width = mean.mean(), mean.var(ddof=1)
    middle, scatter = spread.mean(), spread.var(ddof=1)
    assert np.allclose(shift, (count * width * mean + variance * prior) / (count * width + variance))
    rate, scale = 2 + middle**2 / scatter, middle * (1 + middle**2 / scatter)
    squares = ((standard - shift) ** 2).sum(axis=0)
    assert np.allclose(variance, (scale + squares / 2) / (count / 2 + rate - 1))
    assert (np.abs(shift - prior) < np.abs(mean - prior) + 1e-12).all()  # shrunk towards the mean of features


def test_batches_agree_in_mean_and_spread(screen: Any) -> None:
    found = fit(*screen.arguments()).transform(screen.values, screen.batches)
    means = np.array([found[screen.batches == name].mean(axis=0) for name in np.unique(screen.batches)])
    spreads = np.array([found[screen.batches == name].std(axis=0) for name in np.unique(screen.batches)])
    raw = np.array([screen.values[screen.batches == name].std(axis=0) for name in np.unique(screen.batches)])
    assert np.ptp(means, axis=0).max() < 0.2
    assert np.ptp(np.log(spreads), axis=0).max() < 0.5 * np.ptp(np.log(raw), axis=0).max()


def test_on_controls_and_with_one_feature(screen: Any) -> None:
    found = fit(*screen.arguments(), on="controls").transform(screen.values, screen.batches)
    assert screen.gap(found) < 0.1 * screen.gap(screen.values)
    single = fit(screen.values[:, :1], screen.batches, screen.controls).transform(screen.values[:, :1], screen.batches)
    assert np.allclose([single[screen.batches == name].mean() for name in ("b0", "b1")], single.mean())
    with pytest.raises(UnknownNameError):
        fit(*screen.arguments(), on="some")
    with pytest.raises(DataError, match="'alone' has one row"):
        fit(screen.values, np.where(np.arange(400) == 5, "alone", screen.batches), screen.controls)
    with pytest.raises(DataError, match="at least 2"):
        fit(screen.values, screen.batches, screen.controls & (screen.batches != "b1"), on="controls")
