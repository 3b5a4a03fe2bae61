"""Bringing pixels of any depth and any staining to a common scale, image by image and channel by channel.

Self-standardising makes an image independent of its gain and offset, so 8-bit and 16-bit images need no common scale before.
"""

from __future__ import annotations

import numpy as np

from hooke.core.errors import DataError, UnknownNameError

EPSILON = 1e-6


def standardise(images: np.ndarray, epsilon: float = EPSILON) -> np.ndarray:
    """Each channel of each image by itself to mean 0 and standard deviation 1.

    (x - mean) / sqrt(variance + epsilon), with x first divided by what its type holds (255 or 65535; floats are taken as they
    are), so that epsilon means the same for 8 and for 16 bit.

    Args:
        images: (..., H, W).
        epsilon: Added to the variance; an empty plane becomes 0.

    Returns:
        The same shape, float32.

    Source: input of the masked autoencoders for microscopy (arXiv 2309.16064): instance norm without parameters.
    Differs: pixels of 16 bit are not reduced to 8 first.
    """
    scaled = _scaled(images)
    mean = scaled.mean(axis=(-2, -1), keepdims=True, dtype=np.float64)
    variance = scaled.var(axis=(-2, -1), keepdims=True, dtype=np.float64)
    return ((scaled - mean) / np.sqrt(variance + epsilon)).astype(np.float32)


def stretch(images: np.ndarray, low: float = 0.5, high: float = 99.8) -> np.ndarray:
    """Each channel of each image by itself so that two percentiles become 0 and 1, cut there; for looking at images.

    Args:
        images: (..., H, W).
        low, high: The percentiles.

    Returns:
        The same shape, float32 in [0, 1].
    """
    bottom, top = np.percentile(images, [low, high], axis=(-2, -1), keepdims=True)
    return np.clip((images - bottom) / np.maximum(top - bottom, EPSILON), 0.0, 1.0).astype(np.float32)


def standardise_by_controls(images: np.ndarray, batches: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Each channel by the mean and standard deviation of the control images of its batch.

    Args:
        images: (n, C, H, W).
        batches: (n,) the batch of each image.
        controls: (n,) bool.

    Returns:
        (n, C, H, W) float32.

    Raises:
        DataError: A batch without control images.
    """
    scaled = _scaled(images)
    out = np.empty(images.shape, np.float32)
    for batch in np.unique(batches):
        here = batches == batch
        if not (here & controls).any():
            raise DataError(f"batch {batch} has no control images to normalise by")
        reference = scaled[here & controls].astype(np.float64)
        mean, deviation = reference.mean(axis=(0, 2, 3)), reference.std(axis=(0, 2, 3))
        out[here] = (scaled[here] - mean[:, None, None]) / (deviation[:, None, None] + EPSILON)
    return out


def normalised(images: np.ndarray, how: str) -> np.ndarray:
    """Images after one of the ways that need no other images: "none" (scaled to [0, 1]), "self" or "stretch"."""
    ways = {"none": _scaled, "self": standardise, "stretch": stretch}
    if how not in ways:
        raise UnknownNameError("normalisation", how, ways)
    return ways[how](images)


def _scaled(images: np.ndarray) -> np.ndarray:
    if np.issubdtype(images.dtype, np.integer):
        return images.astype(np.float32) / np.float32(np.iinfo(images.dtype).max)
    return images.astype(np.float32)
