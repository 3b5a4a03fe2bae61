"""Power laws through errors at several sizes (width, depth, molecules, labels ...), with bootstrap intervals over seeds.

    L(x) = a x^-b            "simple": a straight line through log x and log L, by least squares
    L(x) = a x^-b + c        "floor": c ≥ 0 is what no size takes away; least squares of relative errors

L at a size is the geometric mean over seeds. A resample draws seeds anew at each size by itself; deviations from the mean are enlarged by
√(n / (n - 1)), which the spread of n draws lacks on average. Intervals say what other seeds would give, not whether a power law holds:
`misfit` says how far the points lie from it.

No exponent is fitted to fewer than five sizes.

Source: Hestness et al. 2017 (arXiv 1712.00409), section 2, for the two forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hooke.core.errors import UsageError
from hooke.evaluate.bootstrap import Interval

FEWEST_SIZES = 5
_EXPONENTS = np.geomspace(0.02, 3.0, 120)


@dataclass(frozen=True)
class PowerLaw:
    """A fitted law.

    Attributes:
        scale: a, in the unit of the error at x = 1.
        exponent: b; above 0 where the error falls with the size.
        floor: c; 0 without uncertainty in the simple form.
        misfit: Largest relative distance of a point's mean from the law.
        left_out: Root mean square of log(prediction / mean) where each size in turn is predicted from the others.
    """

    scale: Interval
    exponent: Interval
    floor: Interval
    misfit: float
    left_out: float

    @property
    def form(self) -> str:
        """The form: "simple" or "floor"."""
        return "simple" if self.floor == Interval(0.0, 0.0, 0.0) else "floor"

    def at(self, x: np.ndarray) -> np.ndarray:
        """The law's values."""
        return self.scale.value * np.asarray(x, np.float64) ** -self.exponent.value + self.floor.value


def fit_power_law(
    sizes: Sequence[float],
    errors: Sequence[Sequence[float]],
    *,
    floor: bool,
    generator: np.random.Generator,
    resamples: int = 1000,
    level: float = 0.95,
) -> PowerLaw:
    """Fit one form of the law.

    Args:
        sizes: (P,) different positive sizes.
        errors: For each size the positive errors of its seeds.
        floor: Whether to fit c.
        generator: Draws the resamples.
        resamples: How many.
        level: Of the intervals.

    Raises:
        UsageError: Fewer than five sizes, or sizes or errors that are not positive.
    """
    x = np.asarray(sizes, np.float64)
    if len(np.unique(x)) < FEWEST_SIZES:
        raise UsageError(f"an exponent needs at least {FEWEST_SIZES} different sizes, got {len(np.unique(x))}")
    repeats = [np.asarray(values, np.float64) for values in errors]
    if not (x > 0).all() or not all(len(values) and (np.isfinite(values) & (values > 0)).all() for values in repeats):
        raise UsageError("a power law needs positive sizes and errors")
    logs = [np.log(values) for values in repeats]
    means = np.array([values.mean() for values in logs])
    fit = _with_floor if floor else _simple
    found = fit(x, means[None])[0]
    drawn = fit(x, np.stack([_resampled(values, resamples, generator) for values in logs], axis=1))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    scale, exponent, least = (Interval(float(v), float(a), float(b)) for v, a, b in zip(found, low, high, strict=True))
    relative = _predicted(found, x) / np.exp(means) - 1
    left_out = [_predicted(fit(np.delete(x, k), np.delete(means, k)[None])[0], x[k]) for k in range(len(x))]
    # a form that foretells an error of nothing or less is infinitely wrong there
    distance = np.log(np.maximum(left_out, np.finfo(np.float64).tiny)) - means
    return PowerLaw(scale, exponent, least, float(np.abs(relative).max()), float(np.sqrt((distance**2).mean())))


def better_form(laws: Sequence[PowerLaw]) -> PowerLaw:
    """The one that predicts a size better from the others."""
    return min(laws, key=lambda law: law.left_out)


def _resampled(logs: np.ndarray, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """(resamples,) means of log errors over seeds drawn with replacement."""
    count = len(logs)
    if count == 1:
        return np.full(resamples, logs[0])
    drawn = logs[generator.integers(0, count, size=(resamples, count))].mean(axis=1)
    return logs.mean() + np.sqrt(count / (count - 1)) * (drawn - logs.mean())


def _predicted(law: np.ndarray, x: np.ndarray) -> np.ndarray:
    scale, exponent, floor = law
    return scale * x**-exponent + floor


def _simple(x: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """(R, 3) of a, b, 0 for (R, P) log errors."""
    across = np.log(x) - np.log(x).mean()
    slope = logs @ across / (across @ across)
    start = logs.mean(axis=1) - slope * np.log(x).mean()
    return np.stack([np.exp(start), -slope, np.zeros(len(logs))], axis=1)


def _with_floor(x: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """(R, 3) of a, b, c: for each exponent of a grid the best a and c ≥ 0 in closed form, then the best exponent."""
    y = np.exp(logs)
    weights = 1 / y**2
    total, mean = weights.sum(axis=1), (weights * y).sum(axis=1)
    best = np.full(len(y), np.inf)
    out = np.zeros((len(y), 3))
    unit = np.exp(np.log(x).mean())  # powers of x / unit are near 1 for every exponent
    for exponent in _EXPONENTS:
        power = (x / unit) ** -exponent
        first, second, product = weights @ power, weights @ power**2, (weights * y) @ power
        determinant = second * total - first**2
        floor = np.maximum((mean * second - product * first) / determinant, 0.0)
        scale = (product - floor * first) / second
        cost = (weights * (scale[:, None] * power + floor[:, None] - y) ** 2).sum(axis=1)
        closer = cost < best
        best[closer] = cost[closer]
        out[closer] = np.stack([scale * unit**exponent, np.full(len(y), exponent), floor], axis=1)[closer]
    return out
