"""The microscope of the simulated screen: stains into channels, crosstalk, uneven light, blur, noise, and whole numbers."""

from __future__ import annotations

import functools

import numpy as np

from hooke.images.simulated.cells import STRUCTURES
from hooke.images.simulated.plates import Conditions

MIXTURES: dict[str, dict[str, float]] = {
    "DNA": {"DNA": 1.0},
    "ER": {"ER": 1.0},
    "RNA": {"RNA": 1.0},
    "Actin": {"Actin": 1.0},
    "Golgi": {"Golgi": 1.0},
    "AGP": {"Actin": 0.7, "Golgi": 0.6},
    "Mito": {"Mito": 1.0},
}
FULL_SCALE = {"uint8": (4.0, 70.0), "uint16": (180.0, 9000.0)}  # offset of the camera, counts of a typical cell
_READ_NOISE = {"uint8": 0.6, "uint16": 12.0}


def photograph(
    light: np.ndarray,
    channels: tuple[str, ...],
    conditions: Conditions,
    dtype: str,
    generator: np.random.Generator,
) -> np.ndarray:
    """What the camera gives.

    Args:
        light: (6, S, S) of `screen_cells.STRUCTURES`.
        channels: Channels of the microscope.
        conditions: Of the well.
        dtype: "uint8" or "uint16".
        generator: Source of the noise.

    Returns:
        (C, S, S) of that type.
    """
    from scipy.ndimage import gaussian_filter, uniform_filter

    size = light.shape[1]
    gain, background = (values[:, None, None].astype(np.float32) for values in (conditions.gain, conditions.background))
    seen = np.tensordot(_mixture(channels), light, axes=1) * gain
    seen[1:] += np.float32(conditions.crosstalk) * seen[:-1]
    seen = gaussian_filter(seen, (0, conditions.blur_px, conditions.blur_px), mode="nearest", truncate=3.0)
    haze = uniform_filter(uniform_filter(seen, (0, 19, 19), mode="nearest"), (0, 19, 19), mode="nearest")
    seen = np.maximum(seen + 0.12 * haze + background, 0) * _hills(conditions.light, size)
    offset, counts = FULL_SCALE[dtype]
    variance = np.float32(counts**2 / conditions.photons) * seen + np.float32(_READ_NOISE[dtype] ** 2)
    noise = np.sqrt(variance) * generator.standard_normal(seen.shape, dtype=np.float32)
    values = offset + counts * seen + noise
    return np.clip(np.rint(values), 0, np.iinfo(dtype).max).astype(dtype)


@functools.lru_cache(maxsize=8)
def _mixture(channels: tuple[str, ...]) -> np.ndarray:
    """(C, structures)."""
    return np.array([[MIXTURES[name].get(part, 0.0) for part in STRUCTURES] for name in channels], np.float32)


def _hills(light: np.ndarray, size: int) -> np.ndarray:
    """(C, S, S): brighter around a centre, with mean near 1."""
    steps = (np.arange(size) + 0.5) / size
    down = (steps[None, :] - light[:, 1:2]) ** 2
    right = (steps[None, :] - light[:, 2:3]) ** 2
    hill = np.exp(-(down[:, :, None] + right[:, None, :]) / (2 * 0.45**2))
    return (1 + light[:, 0, None, None] * (hill - 0.6) / 0.4).astype(np.float32)
