"""Centring and scaling: each batch minus the mean of its controls, over their standard deviation.

Source: EFAAR, centerscale_on_controls with a batch column.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hooke.evaluate.correction.base import AffinePerBatch, by_batch, checked, control_rows, no_rotation
from hooke.evaluate.moments import spread


@dataclass(frozen=True)
class CentreScale(AffinePerBatch):
    """(x - mean) / std of the batch's controls (divisor n); features without spread are centred only."""

    method: ClassVar[str] = "centre_scale"

    def batch_map(self, controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `AffinePerBatch.batch_map`."""
        return centre_and_scale(controls)


FITTED = CentreScale


def centre_and_scale(controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and reciprocal standard deviation."""
    return controls.mean(axis=0), 1 / spread(controls)


def maps_by_batch(
    values: np.ndarray, batches: np.ndarray, controls: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Names, (b, k) means and (b, k) reciprocal standard deviations of the controls of every batch.

    Raises:
        DataError: A batch has fewer than two controls.
    """
    names, maps = [], []
    for name, rows in by_batch(batches):
        names.append(name)
        maps.append(centre_and_scale(values[control_rows(name, rows, controls, least=2)]))
    return np.array(names), np.array([mean for mean, _ in maps]), np.array([scale for _, scale in maps])


def fit(values: np.ndarray, batches: np.ndarray, controls: np.ndarray) -> CentreScale:
    """Learn mean and standard deviation of each batch's controls."""
    values, batches, controls = checked(values, batches, controls)
    return CentreScale(np.zeros(values.shape[1]), no_rotation(), *maps_by_batch(values, batches, controls))
