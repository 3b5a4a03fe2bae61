from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.evaluate.dose_response import fit_dose_response


def test_a_known_curve_is_found() -> None:
    dose = np.repeat([0.01, 0.1, 0.3, 1, 3, 10, 100], 3)
    clean = 1 + (5 - 1) / (1 + (1.5 / dose) ** 1.2)
    found = fit_dose_response(dose, clean + 0.05 * np.random.default_rng(0).normal(size=len(dose)))
    assert found.half_um == pytest.approx(1.5, rel=0.15)
    assert found.slope == pytest.approx(1.2, rel=0.15)
    assert (found.bottom, found.top) == (pytest.approx(1, abs=0.1), pytest.approx(5, abs=0.1))
    assert found.r2 > 0.99
    assert found.p_value < 1e-6
    assert not found.extrapolated
    assert np.allclose(found(dose), clean, atol=0.15)


def test_noise_is_no_response_and_a_rise_at_the_end_is_a_bound() -> None:
    dose = np.repeat([0.1, 1, 10, 100], 5)
    noise = fit_dose_response(dose, np.random.default_rng(1).normal(size=20))
    assert noise.p_value > 0.01
    flat = fit_dose_response(dose, np.ones(20))
    assert (flat.r2, flat.p_value, flat.extrapolated) == (0, 1, True)
    late = fit_dose_response(dose, 10 / (1 + 5000 / dose) + 1e-3 * np.random.default_rng(2).normal(size=20))
    assert late.extrapolated


def test_what_cannot_be_fitted() -> None:
    with pytest.raises(DataError, match="positive"):
        fit_dose_response(np.array([0, 1, 2, 3, 4.0]), np.zeros(5))
    with pytest.raises(DataError, match="3 doses"):
        fit_dose_response(np.array([1, 1, 2, 2, 3, np.nan]), np.zeros(6))


def test_the_unit_of_a_response_does_not_matter() -> None:
    dose = np.repeat(10.0 ** np.arange(-2, 3), 3)
    response = 1 / (1 + (1 / dose) ** 1.2) + 0.02 * np.random.default_rng(0).normal(size=len(dose))
    found = {exponent: fit_dose_response(dose, np.ldexp(response, exponent)) for exponent in (0, -60, 60)}
    for exponent, curve in found.items():
        assert np.ldexp(curve.top, -exponent) == found[0].top
        assert (curve.half_um, curve.slope, curve.r2, curve.p_value) == (
            found[0].half_um, found[0].slope, found[0].r2, found[0].p_value,
        )  # fmt: skip
