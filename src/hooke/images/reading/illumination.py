"""Uneven illumination: estimated from many fields of one plate and channel, divided out of each.

What all fields of a plate have in common is the light, not the cells: their mean, smoothed widely, over its own mean.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

SMOOTHING = 0.12  # of the longer side: wider than cells, narrower than the light's own shape
LOWEST = 0.2  # a flat field is not trusted below this part of its mean


def flat_field(planes: Iterable[np.ndarray], smoothing: float = SMOOTHING) -> np.ndarray:
    """The light over a field, relative to its mean.

    Args:
        planes: (H, W) fields of one plate and channel, all of one size; a few dozen are enough.
        smoothing: Standard deviation of the Gaussian, as a part of the longer side.

    Returns:
        (H, W) float32 with mean 1, not below 0.2.

    Raises:
        ValueError: No planes, or planes of different sizes.
    """
    from scipy.ndimage import gaussian_filter

    total: np.ndarray | None = None
    for plane in planes:
        capped = np.minimum(plane, np.percentile(plane, 99.0)).astype(np.float64)  # single bright cells say nothing
        scaled = capped / max(capped.mean(), 1e-12)  # dense fields do not count for more than others
        if total is not None and total.shape != scaled.shape:
            raise ValueError(f"planes of {total.shape} and of {scaled.shape} have no common illumination")
        total = scaled if total is None else total + scaled
    if total is None:
        raise ValueError("no planes to estimate illumination from")
    smooth = gaussian_filter(total, smoothing * max(total.shape), mode="nearest")
    return np.maximum(smooth / max(smooth.mean(), 1e-12), LOWEST).astype(np.float32)


def correct(plane: np.ndarray, flat: np.ndarray) -> np.ndarray:
    """A plane divided by a flat field, rounded, and capped at what its type holds.

    Args:
        plane: (H, W) uint8 or uint16.
        flat: (H, W), mean 1.
    """
    highest = np.iinfo(plane.dtype).max
    return np.minimum(np.rint(plane / flat), highest).astype(plane.dtype)


def unevenness(planes: Iterable[np.ndarray]) -> float:
    """How uneven the light of some fields is: standard deviation over mean of their `flat_field`."""
    return float(flat_field(planes).std())
