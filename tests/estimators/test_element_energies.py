"""Energies of elements against numpy's least squares and against a planted additive energy."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.core.label import Label
from hooke.estimators import element_energies

ENERGIES = {1: -13.6, 6: -1030.0, 8: -2043.0}


def composed(count: int, seed: int) -> np.ndarray:
    features = np.zeros((count, 100))
    features[:, list(ENERGIES)] = np.random.default_rng(seed).integers(1, 9, (count, 3))
    return features


def fitted(features: np.ndarray, values: np.ndarray, **options: float):  # type: ignore[no-untyped-def]
    estimator = element_energies.Estimator(
        element_energies.Config(**options), SimpleNamespace(labels=(Label("y"),)), "graph"
    )
    estimator.fit(features, values[:, None])
    return estimator


def test_planted_energies_are_found_and_residuals_give_the_spread() -> None:
    train, new = composed(200, 0), composed(20, 1)
    exact = train[:, list(ENERGIES)] @ np.array(list(ENERGIES.values()))
    found, std = fitted(train, exact).predict(new)
    np.testing.assert_allclose(found[:, 0], new[:, list(ENERGIES)] @ np.array(list(ENERGIES.values())), rtol=1e-10)
    assert std.max() < 1e-6
    noisy = exact + 0.3 * np.random.default_rng(2).normal(size=200)
    found, std = fitted(train, noisy).predict(new)
    wanted, squares, *_ = np.linalg.lstsq(train[:, list(ENERGIES)], noisy, rcond=None)
    np.testing.assert_allclose(found[:, 0], new[:, list(ENERGIES)] @ wanted, rtol=1e-10)
    np.testing.assert_allclose(std[:, 0], np.sqrt(squares[0] / 197), rtol=1e-8)


def test_one_composition_does_not_tell_elements_apart() -> None:
    train = np.repeat(composed(1, 0), 30, axis=0)
    values = -100 + np.random.default_rng(0).normal(size=30)
    with pytest.raises(UsageError, match="tell"):
        fitted(train, values)
    found, _ = fitted(train, values, ridge=1e-6).predict(train[:1])
    assert found[0, 0] == pytest.approx(values.mean(), abs=1e-3)
    with pytest.raises(UsageError, match="0 or more"):
        element_energies.Config(ridge=-1.0)


def test_standard_errors_are_those_of_least_squares() -> None:
    train = composed(200, 0)
    design = train[:, list(ENERGIES)]
    values = design @ np.array(list(ENERGIES.values())) + 0.3 * np.random.default_rng(2).normal(size=200)
    estimator = fitted(train, values)
    learnt = estimator.learnt[0]
    scale = 2.0 ** int(learnt["exponent"])
    residual = values - design @ np.linalg.lstsq(design, values, rcond=None)[0]
    wanted = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * (residual @ residual) / 197)
    np.testing.assert_allclose(scale * learnt["errors"][list(ENERGIES)], wanted, rtol=1e-6)
