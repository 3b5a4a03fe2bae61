"""Known laws are found again, intervals hold the truth about as often as they say, four points are refused."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.evaluate.power_law import better_form, fit_power_law

SIZES = np.array([16.0, 32, 64, 128, 256, 512])


def noisy(values: np.ndarray, generator: np.random.Generator, spread: float = 0.03, seeds: int = 3) -> list[np.ndarray]:
    return [value * np.exp(generator.normal(0, spread, seeds)) for value in values]


def test_a_simple_law_without_noise() -> None:
    law = fit_power_law(SIZES, [[3 * x**-0.25] for x in SIZES], floor=False, generator=np.random.default_rng(0))
    assert (law.scale.value, law.exponent.value) == pytest.approx((3, 0.25))
    assert (law.misfit, law.left_out) == pytest.approx((0, 0), abs=1e-9)
    assert law.form == "simple"
    assert law.at(np.array([1.0, 16.0])) == pytest.approx([3, 1.5])


def test_a_floor_without_noise() -> None:
    errors = [[2 * x**-0.5 + 0.3] for x in SIZES]
    law = fit_power_law(SIZES, errors, floor=True, generator=np.random.default_rng(0))
    assert (law.exponent.value, law.floor.value) == pytest.approx((0.5, 0.3), rel=0.05)
    assert law.form == "floor"
    straight = fit_power_law(SIZES, errors, floor=False, generator=np.random.default_rng(0))
    assert straight.exponent.value < 0.25
    assert better_form([straight, law]) is law


def test_an_error_that_rises_has_a_negative_exponent() -> None:
    law = fit_power_law(SIZES, [[x**0.1] for x in SIZES], floor=False, generator=np.random.default_rng(0))
    assert law.exponent.value == pytest.approx(-0.1)


def test_a_law_that_foretells_less_than_nothing_loses() -> None:
    errors = [[0.03], [0.117], [0.208], [0.215], [0.42]]  # without the smallest size a falling floor is the best fit
    laws = [
        fit_power_law([1, 2, 3, 4, 5], errors, floor=floor, generator=np.random.default_rng(0))
        for floor in (False, True)
    ]
    assert all(np.isfinite(law.left_out) for law in laws)
    assert better_form(laws).form == "simple"


def test_intervals_hold_the_truth() -> None:
    generator = np.random.default_rng(1)
    inside = 0
    for _ in range(100):
        law = fit_power_law(SIZES, noisy(3 * SIZES**-0.25, generator), floor=False, generator=generator, resamples=200)
        inside += law.exponent.low <= 0.25 <= law.exponent.high
    assert 85 <= inside <= 100


def test_a_single_seed_has_no_spread() -> None:
    errors = noisy(SIZES**-0.3, np.random.default_rng(0), seeds=1)
    law = fit_power_law(SIZES, errors, floor=True, generator=np.random.default_rng(0), resamples=20)
    assert law.exponent.low == law.exponent.high


def test_refusals() -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(UsageError, match="at least 5 different sizes, got 4"):
        fit_power_law(SIZES[:4], [[1.0]] * 4, floor=False, generator=generator)
    with pytest.raises(UsageError, match="positive"):
        fit_power_law([0, 1, 2, 3, 4], [[1.0]] * 5, floor=False, generator=generator)
    with pytest.raises(UsageError, match="positive"):
        fit_power_law(SIZES, [[0.0]] * 6, floor=False, generator=generator)
