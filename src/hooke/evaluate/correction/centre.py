"""Centring: each batch minus the mean of its controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hooke.evaluate.correction.base import AffinePerBatch, by_batch, checked, control_rows, no_rotation


@dataclass(frozen=True)
class Centre(AffinePerBatch):
    """x - mean(controls of the batch)."""

    method: ClassVar[str] = "centre"

    def batch_map(self, controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `AffinePerBatch.batch_map`."""
        return controls.mean(axis=0), np.ones(controls.shape[1])


FITTED = Centre


def fit(values: np.ndarray, batches: np.ndarray, controls: np.ndarray) -> Centre:
    """Learn the mean of each batch's controls.

    Raises:
        DataError: A batch has no controls.
    """
    values, batches, controls = checked(values, batches, controls)
    names, offsets = [], []
    for name, rows in by_batch(batches):
        names.append(name)
        offsets.append(values[control_rows(name, rows, controls)].mean(axis=0))
    dim = values.shape[1]
    return Centre(np.zeros(dim), no_rotation(), np.array(names), np.array(offsets), np.ones((len(names), dim)))
