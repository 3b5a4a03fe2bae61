"""Whitening of a finished map, where there are no controls and no batches to correct with."""

from __future__ import annotations

import numpy as np

from hooke.evaluate.correction.base import inverse_root
from hooke.evaluate.pair_cosines import unit_rows


def whiten(values: np.ndarray, *, ridge: float = 1.0) -> np.ndarray:
    """(x - mean) (C + ridge t I)^(-1/2), with the covariance C of all rows and its mean variance t.

    Args:
        values: (n, d), one row an entity.
        ridge: Share of the mean variance; without one, directions that are noise weigh as much as the others.

    Raises:
        DataError: A value is not finite.
    """
    unit_rows(values)  # refuses what is not finite
    centred = np.asarray(values, np.float64) - np.mean(values, axis=0, dtype=np.float64)
    covariance = centred.T @ centred / max(len(centred) - 1, 1)
    level = np.trace(covariance) / len(covariance)
    return centred @ inverse_root(covariance, ridge * level) if level > 0 else centred
