"""TVN, typical variation normalisation: rotate and scale by the controls, then whiten each batch by its own.

1. centre and scale on all controls; 2. principal components of the controls, all that they span; 3. centre on each batch's
controls (or on all), scale on all; 4. x <- x (C_b + ridge I)^(-1/2), C_b the covariance of the batch's controls (divisor n - 1).

Source: Ando et al. 2017; EFAAR, tvn_on_controls, which is this with centre="all".
Differs from EFAAR: centring by batch is the default, since whitening alone leaves the batch means apart; components that the
controls do not span are dropped, where EFAAR divides by their rounding error; the inverse root is by eigenvalues and so real.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from hooke.core.errors import UnknownNameError
from hooke.evaluate.correction.base import AffinePerBatch, by_batch, checked, control_rows, inverse_root, warn_of_few
from hooke.evaluate.correction.pca_cs import principal_components
from hooke.evaluate.moments import spread


@dataclass(frozen=True)
class Tvn(AffinePerBatch):
    """Rotation, then centring and whitening by batch.

    Attributes:
        by_batch: Whether each batch is centred on its own controls.
        ridge: Added to the covariance.
        pooled: (k, k) covariance of the controls about their batch means, for batches with one control.
    """

    by_batch: np.ndarray
    ridge: np.ndarray
    pooled: np.ndarray
    method: ClassVar[str] = "tvn"

    def batch_map(self, controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `AffinePerBatch.batch_map`."""
        return _map(controls, bool(self.by_batch), float(self.ridge), self.pooled)


FITTED = Tvn


def fit(
    values: np.ndarray,
    batches: np.ndarray,
    controls: np.ndarray,
    *,
    centre: Literal["batch", "all"] = "batch",
    ridge: float = 0.5,
    tolerance: float = 1e-6,
) -> Tvn:
    """Learn the rotation and each batch's mean and whitening.

    Args:
        values, batches, controls: See `correction.fit`.
        centre: "batch", or "all" as in EFAAR.
        ridge: Added to each batch's covariance.
        tolerance: Components of the controls below this share of the largest standard deviation are dropped.

    Raises:
        DataError: A batch has no controls. One with a single control is whitened by the pooled covariance, with a warning.
    """
    if centre not in ("batch", "all"):
        raise UnknownNameError("centring", centre, ("batch", "all"))
    values, batches, controls = checked(values, batches, controls)
    mean, scale = values[controls].mean(axis=0), spread(values[controls])
    shift, rotation = principal_components((values[controls] - mean) / scale, tolerance)
    rotation = rotation / spread(((values[controls] - mean) / scale - shift) @ rotation)
    rotation, shift = rotation / scale[:, None], mean + shift * scale
    rotated = (values - shift) @ rotation
    groups = [(name, control_rows(name, rows, controls)) for name, rows in by_batch(batches)]
    residual = np.concatenate([rotated[rows] - rotated[rows].mean(axis=0) for _, rows in groups])
    pooled = residual.T @ residual / max(len(residual) - len(groups), 1)
    for name, rows in groups:
        if len(rows) < 2:
            warn_of_few(name, len(rows))
    maps = [_map(rotated[rows], centre == "batch", ridge, pooled) for _, rows in groups]
    return Tvn(
        shift, rotation, np.array([name for name, _ in groups]), np.array([offset for offset, _ in maps]),
        np.array([matrix for _, matrix in maps]), np.array(centre == "batch"), np.array(ridge), pooled,
    )  # fmt: skip


def _map(controls: np.ndarray, own_centre: bool, ridge: float, pooled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = controls.mean(axis=0)
    centred = controls - mean
    covariance = centred.T @ centred / (len(controls) - 1) if len(controls) > 1 else pooled
    return mean if own_centre else np.zeros_like(mean), inverse_root(covariance, ridge)
