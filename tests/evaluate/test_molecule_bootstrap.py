"""Intervals come from molecules; pairs are those of one seed."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.evaluate.molecule_bootstrap import best_of, error_difference, mean_error


def seeds(shift: float, spread: float = 0.02) -> list[dict[str, float]]:
    generator = np.random.default_rng(1)
    return [{f"m{n}": 0.1 + shift + spread * float(generator.normal()) for n in range(30)} for _ in range(3)]


def draw() -> np.random.Generator:
    return np.random.default_rng(0)


def test_means_and_paired_differences() -> None:
    found = mean_error(seeds(0.0), generator=draw())
    assert found.value == pytest.approx(np.mean([np.mean([*errors.values()]) for errors in seeds(0.0)]))
    assert found.low < found.value < found.high
    exact = error_difference(seeds(0.05), seeds(0.0), generator=draw())
    assert (exact.value, exact.low, exact.high) == pytest.approx((0.05, 0.05, 0.05))  # the same noise on both sides
    one = error_difference([{"a": 1.0}], [{"a": 0.5, "b": 9.0}], generator=draw())
    assert one.value == pytest.approx(0.5)
    assert np.isnan(one.low)
    assert np.isnan(mean_error([], generator=draw()).value)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    generator, covered = np.random.default_rng(5), 0
    for _ in range(200):
        errors = [{f"m{n}": float(value) for n, value in enumerate(generator.exponential(size=40))} for _ in range(2)]
        found = mean_error(errors, generator=generator)
        covered += found.low <= 1.0 <= found.high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_best_point_and_where_it_lies() -> None:
    clear = best_of({2.0: seeds(0.1), 10.0: seeds(0.0), 24.0: seeds(0.2)}, generator=draw())
    assert (clear.value, clear.low, clear.high) == (10.0, 10.0, 10.0)
    generator = np.random.default_rng(2)
    noisy = {
        place: [{f"m{n}": float(generator.normal()) for n in range(20)} for _ in range(3)]
        for place in (2.0, 10.0, 24.0)
    }
    open_ = best_of(noisy, generator=draw())
    assert open_.low < open_.high
