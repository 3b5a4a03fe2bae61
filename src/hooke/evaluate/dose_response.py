"""Dose response of a score (distance from controls, cell count): the four-parameter logistic curve and its potency.

f(c) = bottom + (top - bottom) / (1 + (half / c)^slope), fitted by least squares in log10 c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.core.errors import DataError
from hooke.evaluate.moments import binary_exponent


@dataclass(frozen=True)
class DoseResponse:
    """A fitted curve.

    Attributes:
        bottom, top: Plateaus at low and high dose.
        half_um: Concentration of half the effect, micromolar.
        slope: Hill slope, positive.
        r2: Share of the variance that the curve explains.
        p_value: F test of the curve against a constant.
        extrapolated: Whether `half_um` lies outside the measured doses: then it is a bound, not a measurement.
    """

    bottom: float
    top: float
    half_um: float
    slope: float
    r2: float
    p_value: float
    extrapolated: bool

    def __call__(self, concentration_um: np.ndarray) -> np.ndarray:
        """The response at some concentrations."""
        return _curve(np.log10(concentration_um), self.bottom, self.top, np.log10(self.half_um), self.slope)


def fit_dose_response(concentration_um: np.ndarray, response: np.ndarray) -> DoseResponse:
    """Fit the curve.

    Args:
        concentration_um: (n,) micromolar, positive.
        response: (n,).

    Raises:
        DataError: Fewer than four doses or five points, or a concentration that is not positive.
    """
    from scipy.optimize import least_squares
    from scipy.stats import f as f_distribution

    dose, response = np.asarray(concentration_um, np.float64), np.asarray(response, np.float64)
    measured = np.isfinite(dose) & np.isfinite(response)
    dose, response = dose[measured], response[measured]
    if len(dose) and dose.min() <= 0:
        raise DataError("concentrations must be positive; leave the controls out")
    if len(np.unique(dose)) < 4 or len(dose) < 5:
        raise DataError(
            f"{len(np.unique(dose))} doses and {len(dose)} points; a curve needs four doses and five points"
        )
    exponent = binary_exponent(response)  # so that limits of the fit mean the same in every unit
    response = np.ldexp(response, -exponent)
    x = np.log10(dose)
    low, high = x.min(), x.max()
    height = max(np.ptp(response), 1e-12)
    means = [response[x == level].mean() for level in (low, high)]
    best = None
    for middle in np.linspace(low, high, 5):
        for slope in (0.7, 2.0):
            found = least_squares(
                lambda p: _curve(x, *p) - response,
                [means[0], means[1], middle, slope],
                bounds=(
                    [response.min() - height, response.min() - height, low - 2, 0.1],
                    [response.max() + height, response.max() + height, high + 2, 10.0],
                ),
            )
            best = found if best is None or found.cost < best.cost else best
    assert best is not None
    residual, total = 2 * best.cost, float(((response - response.mean()) ** 2).sum())
    bottom, top = (float(np.ldexp(plateau, exponent)) for plateau in best.x[:2])
    half, slope = (float(number) for number in best.x[2:])
    if total <= 1e-24:
        return DoseResponse(bottom, top, 10**half, slope, r2=0.0, p_value=1.0, extrapolated=True)
    freedom = len(x) - 4
    statistic = ((total - residual) / 3) / max(residual / freedom, 1e-300)
    return DoseResponse(
        bottom, top, 10**half, slope, 1 - residual / total, float(f_distribution.sf(statistic, 3, freedom)),
        not low <= half <= high,
    )  # fmt: skip


def _curve(x: np.ndarray, bottom: float, top: float, half: float, slope: float) -> np.ndarray:
    return bottom + (top - bottom) / (1 + 10 ** np.clip(slope * (half - x), -300, 300))
