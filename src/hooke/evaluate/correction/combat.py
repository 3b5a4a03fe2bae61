"""ComBat: location and scale of every batch, shrunk over features by empirical Bayes.

z = (x - alpha) / sigma with the mean alpha and pooled deviation sigma of all batches; gamma*_b and delta*_b are the posterior mean
shift and variance of z in batch b under a normal and an inverse-gamma prior shared by all features, and
x <- sigma (z - gamma*) / sqrt(delta*) + alpha.

Source: Johnson, Li and Rabinovic 2007, equations 2.2 to 3.1 (parametric priors).
Differs: estimated from all rows, or from the controls alone; a new batch gets its own prior and posterior with alpha and sigma kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from hooke.core.errors import DataError, UnknownNameError
from hooke.evaluate.correction.base import Correction, by_batch, checked, control_rows
from hooke.evaluate.moments import spread


@dataclass(frozen=True)
class Combat(Correction):
    """Fitted shifts and variances.

    Attributes:
        alpha, sigma: (d,) mean and deviation of all batches.
        names: (b,) batches.
        shifts, variances: (b, d), of standardised values.
        on_controls: Whether batches are estimated from their controls alone.
    """

    alpha: np.ndarray
    sigma: np.ndarray
    names: np.ndarray
    shifts: np.ndarray
    variances: np.ndarray
    on_controls: np.ndarray
    method: ClassVar[str] = "combat"

    def transform(self, values: np.ndarray, batches: np.ndarray, controls: np.ndarray | None = None) -> np.ndarray:
        """See `Correction.transform`."""
        precision = np.asarray(values).dtype
        values, batches, controls = checked(values, batches, controls)
        if values.shape[1] != len(self.alpha):
            raise DataError(f"combat was fitted on {len(self.alpha)} features, these rows have {values.shape[1]}")
        known = {str(name): place for place, name in enumerate(self.names)}
        standard = (values - self.alpha) / self.sigma
        out = np.empty_like(values)
        for name, rows in by_batch(batches):
            if name in known:
                shift, variance = self.shifts[known[name]], self.variances[known[name]]
            else:
                shift, variance = posterior(standard[_used(name, rows, controls, bool(self.on_controls))])
            out[rows] = (standard[rows] - shift) / np.sqrt(variance) * self.sigma + self.alpha
        return out.astype(precision if precision.kind == "f" else np.float32)


FITTED = Combat


def fit(
    values: np.ndarray, batches: np.ndarray, controls: np.ndarray, *, on: Literal["all", "controls"] = "all"
) -> Combat:
    """Estimate every batch.

    Args:
        values, batches, controls: See `correction.fit`.
        on: "all" rows, for batches with the same perturbations; "controls" where batches hold different ones.

    Raises:
        DataError: A batch has fewer than two rows to estimate from.
    """
    if on not in ("all", "controls"):
        raise UnknownNameError("rows of combat", on, ("all", "controls"))
    values, batches, controls = checked(values, batches, controls)
    groups = [(name, _used(name, rows, controls, on == "controls")) for name, rows in by_batch(batches)]
    means = np.array([values[rows].mean(axis=0) for _, rows in groups])
    sizes = np.array([len(rows) for _, rows in groups])
    alpha = sizes @ means / sizes.sum()
    sigma = spread(np.concatenate([values[rows] - mean for (_, rows), mean in zip(groups, means, strict=True)]))
    estimates = [posterior((values[rows] - alpha) / sigma) for _, rows in groups]
    return Combat(
        alpha, sigma, np.array([name for name, _ in groups]), np.array([shift for shift, _ in estimates]),
        np.array([variance for _, variance in estimates]), np.array(on == "controls"),
    )  # fmt: skip


def posterior(standard: np.ndarray, *, tolerance: float = 1e-6, rounds: int = 500) -> tuple[np.ndarray, np.ndarray]:
    """Posterior shift and variance (d,) of a batch's standardised rows (n, d)."""
    count = len(standard)
    shift, variance = standard.mean(axis=0), standard.var(axis=0, ddof=1)
    prior_mean, prior_variance = shift.mean(), shift.var(ddof=1) if len(shift) > 1 else 0.0
    if prior_variance == 0 or np.ptp(variance) == 0:  # one feature, or all alike: nothing to learn a prior from
        return shift, np.where(variance > 0, variance, 1.0)
    middle, width = variance.mean(), variance.var(ddof=1)
    rate, scale = 2 + middle**2 / width, middle * (1 + middle**2 / width)
    new_shift, new_variance = shift, variance
    for _ in range(rounds):
        old_shift, old_variance = new_shift, new_variance
        new_shift = (count * prior_variance * shift + old_variance * prior_mean) / (
            count * prior_variance + old_variance
        )
        squares = (count - 1) * variance + count * (shift - new_shift) ** 2
        new_variance = (scale + squares / 2) / (count / 2 + rate - 1)
        moved = max(
            np.abs(new_shift - old_shift).max(),
            (np.abs(new_variance - old_variance) / np.maximum(old_variance, 1e-12)).max(),
        )
        if moved < tolerance:
            break
    return new_shift, new_variance


def _used(name: str, rows: np.ndarray, controls: np.ndarray | None, on_controls: bool) -> np.ndarray:
    if on_controls:
        return control_rows(name, rows, controls, least=2)
    if len(rows) < 2:
        raise DataError(f"batch {name!r} has one row: its spread cannot be estimated; drop it or merge it with another")
    return rows
