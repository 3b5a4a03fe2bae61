"""Finding nuclei in a stain of DNA: smooth, threshold, split what touches by distance."""

from __future__ import annotations

import numpy as np

from hooke.core.errors import UnknownNameError
from hooke.images.normalise import EPSILON

NUCLEAR_NAMES = ("dna", "dapi", "hoechst", "nuclei", "nucleus", "draq5")


def nuclear_channel(channels: tuple[str, ...]) -> int:
    """The position of the channel that shows nuclei, by its name.

    Raises:
        UnknownNameError: No channel has such a name.
    """
    for place, name in enumerate(channels):
        if any(word in name.lower() for word in NUCLEAR_NAMES):
            return place
    raise UnknownNameError("nuclear channel (name it DNA, DAPI or Hoechst)", "DNA", channels)


def otsu_threshold(values: np.ndarray, bins: int = 256) -> float:
    """The threshold that parts values into two classes of the smallest variance within (Otsu 1979)."""
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return high
    counts, edges = np.histogram(values, bins, (low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts).astype(np.float64)
    above = below[-1] - below
    sums = np.cumsum(counts * centres)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(centres[int(np.nanargmax(between[:-1]))])


def foreground(plane: np.ndarray, blur_px: float = 1.0) -> np.ndarray:
    """(H, W) bool: where there is more light than background, by Otsu's threshold on the logarithm."""
    from scipy.ndimage import gaussian_filter

    smooth = gaussian_filter(plane.astype(np.float32), blur_px)
    scaled = np.log(smooth - smooth.min() + 0.02 * (np.ptp(smooth) + EPSILON))
    return scaled > otsu_threshold(scaled)


def nuclei(plane: np.ndarray, diameter_px: float = 9.0) -> np.ndarray:
    """Label the nuclei of a field.

    Args:
        plane: (H, W) of a nuclear stain.
        diameter_px: Typical diameter of a nucleus.

    Returns:
        (H, W) int32: 0 background, 1, 2, ... nuclei; empty when nothing stands out from the background.

    Otsu's threshold is taken on a logarithm, so that a few bright dividing nuclei do not hide the others. Nuclei that touch are
    parted halfway between the maxima of the distance to the background, which must lie at least half a diameter apart.
    Each nucleus ends where its light falls to half of its own. Objects below a sixth of a typical nucleus are left out.
    """
    from scipy.ndimage import distance_transform_edt, gaussian_filter, label, maximum_filter

    smooth = gaussian_filter(plane.astype(np.float32), diameter_px / 12)
    low, quarter, high = np.percentile(smooth, [5, 25, 99])
    level = np.log(np.maximum(smooth - low, 0) + 4 * (quarter - low) + 0.03 * (high - low) + EPSILON)
    mask = level > otsu_threshold(level)
    background = smooth[~mask]
    if not mask.any() or smooth[mask].mean() - background.mean() < 4 * background.std():
        return np.zeros(plane.shape, np.int32)
    depth = gaussian_filter(distance_transform_edt(mask), diameter_px / 9)
    peaks = (depth == maximum_filter(depth, size=2 * round(diameter_px / 4) + 1)) & mask
    markers, count = label(peaks, structure=np.ones((3, 3)))
    _, nearest = distance_transform_edt(markers == 0, return_indices=True)
    found = np.where(mask, markers[tuple(nearest)], 0)
    half = (background.mean() + _brightest(smooth, found, count)) / 2
    found[smooth < half[found]] = 0
    sizes = np.bincount(found.ravel(), minlength=count + 1)
    kept = sizes >= np.pi / 4 * diameter_px**2 / 6
    kept[0] = False
    return np.where(kept, np.cumsum(kept), 0).astype(np.int32)[found]


def _brightest(values: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """(count + 1,) the light of each object: the mean of its brighter half."""
    means = np.bincount(labels.ravel(), values.ravel(), count + 1) / np.maximum(
        np.bincount(labels.ravel(), minlength=count + 1), 1
    )
    bright = values >= means[labels]
    sums = np.bincount(labels[bright], values[bright], count + 1)
    return sums / np.maximum(np.bincount(labels[bright], minlength=count + 1), 1)
