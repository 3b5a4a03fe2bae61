"""Hand-crafted features of fields: intensity, texture, shape and correlation; the baseline of every learned encoder.

For each channel: how bright, how the values are spread, and how the light lies (granularity over scales, Haralick's texture).
For each pair of channels their correlation. For the nuclei of the field the mean and the spread over nuclei of size, shape and
light, and how the other channels lie around them. All are ratios or are taken after scaling the channel by its own
percentiles where that is sensible, so that they compare between depths.

Source: the families of features of CellProfiler (Carpenter et al. 2006), written anew and far fewer.
"""

from __future__ import annotations

import importlib
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from hooke.core.parallel import ordered_map
from hooke.core.progress import progress
from hooke.images.normalise import EPSILON, stretch
from hooke.images.reading.planes import MissingPackageError
from hooke.images.segment import NUCLEAR_NAMES, foreground, nuclei
from hooke.images.store import ImageStore

_SCALES = (1.0, 2.0, 4.0, 8.0)
_HARALICK = ("contrast", "dissimilarity", "homogeneity", "energy", "correlation")
_LEVELS = 16
_DISTANCES = (1, 3)
_SHAPES = ("area", "eccentricity", "solidity", "extent", "perimeter")
_RINGS = (0.5, 1.0, 1.6)
_INTENSITY = (
    "mean", "deviation", "low", "high", "spread", "skewness", "kurtosis", "covered", "contrast_to_background", "variation_inside",
)  # fmt: skip
_GRAINS = tuple(f"grain_{scale:g}" for scale in _SCALES)
_TEXTURES = tuple(f"haralick_{name}_{distance}" for name in _HARALICK for distance in _DISTANCES)
_ZONES = ("inside", "near", "middle", "far")
_CHUNK = 16


def field_features(pixels: np.ndarray, channels: tuple[str, ...], nucleus_diameter_px: float = 9.0) -> dict[str, float]:
    """All features of one field, by name; a field without nuclei has zeros for those of nuclei.

    Args:
        pixels: (C, H, W) uint8 or uint16.
        channels: Their names.
        nucleus_diameter_px: Typical diameter of a nucleus.

    Raises:
        MissingPackageError: scikit-image is not installed.
    """
    scaled = stretch(pixels, 0.5, 99.8)
    found: dict[str, float] = {}
    for channel, plane, flat in zip(channels, pixels, scaled, strict=True):
        measured = {**_intensity(plane), **_granularity(flat), **_texture(flat)}
        found |= {f"{channel}_{name}": value for name, value in measured.items()}
    for (first, one), (second, other) in combinations(zip(channels, scaled, strict=True), 2):
        found[f"{first}_{second}_correlation"] = _correlation(one, other)
    nuclear = _nuclear(channels)
    if nuclear is not None:
        found |= _nuclei_features(pixels, channels, nuclear, nucleus_diameter_px)
    return found


def feature_names(channels: tuple[str, ...]) -> tuple[str, ...]:
    """The names of `field_features` of a field with these channels, in their order; nothing is measured."""
    names = [f"{channel}_{name}" for channel in channels for name in (*_INTENSITY, *_GRAINS, *_TEXTURES)]
    names += [f"{first}_{second}_correlation" for first, second in combinations(channels, 2)]
    if _nuclear(channels) is None:
        return tuple(names)
    means = [f"nuclei_{shape}" for shape in (*_SHAPES, "neighbour_px")]
    means += [f"nuclei_{channel}_{zone}" for channel in channels for zone in (*_ZONES, "roughness")]
    names += ["nuclei_density", *(f"{name}_{summary}" for name in means for summary in ("mean", "deviation"))]
    return tuple(names)


def store_features(
    store: ImageStore,
    rows: np.ndarray | None = None,
    *,
    nucleus_diameter_px: float = 9.0,
    workers: int | None = None,
    show_progress: bool = True,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Features of many fields, in worker processes.

    Args:
        store: Where the fields are.
        rows: Which; None takes all.
        nucleus_diameter_px: Typical diameter of a nucleus.
        workers: Processes; None takes all cores.
        show_progress: Show a progress bar.

    Returns:
        values: (fields, features) float32.
        names: The features.
    """
    rows = np.arange(len(store)) if rows is None else np.asarray(rows, dtype=np.int64)
    jobs = [
        (str(store.folder), rows[start : start + _CHUNK], nucleus_diameter_px) for start in range(0, len(rows), _CHUNK)
    ]
    parts: list[np.ndarray] = []
    names: tuple[str, ...] = ()
    with progress(len(rows), "measuring features", "fields", show=show_progress) as bar:
        for values, names in ordered_map(_measure, jobs, workers=workers if len(jobs) > 2 else 0):  # noqa: B007
            parts.append(values)
            bar.advance(len(values))
    return np.concatenate(parts) if parts else np.zeros((0, 0), np.float32), names


def _nuclear(channels: tuple[str, ...]) -> int | None:
    """The place of the first channel that shows nuclei."""
    places = [place for place, name in enumerate(channels) if any(word in name.lower() for word in NUCLEAR_NAMES)]
    return places[0] if places else None


def _measure(job: tuple[str, np.ndarray, float]) -> tuple[np.ndarray, tuple[str, ...]]:
    """In a worker: some fields of a store."""
    folder, rows, diameter = job
    store = ImageStore.open(Path(folder))
    found = [field_features(store.read([row])[0], store.channels, diameter) for row in rows]
    return np.array([list(one.values()) for one in found], np.float32), tuple(found[0])


def _intensity(plane: np.ndarray) -> dict[str, float]:
    values = plane.astype(np.float32) / np.float32(np.iinfo(plane.dtype).max)
    low, quarter, middle, three, high = np.percentile(values, [1, 25, 50, 75, 99])
    mask = foreground(plane)
    inside = values[mask] if mask.any() else values.ravel()
    outside = values[~mask] if (~mask).any() else values.ravel()
    centred = (values - values.mean()) / (values.std() + EPSILON)
    return {
        "mean": float(np.log(values.mean() + EPSILON)),
        "deviation": float(np.log(values.std() + EPSILON)),
        "low": float(np.log(low + EPSILON)),
        "high": float(np.log(high + EPSILON)),
        "spread": float((three - quarter) / (middle + EPSILON)),
        "skewness": float((centred**3).mean()),
        "kurtosis": float(np.log((centred**4).mean() + EPSILON)),
        "covered": float(mask.mean()),
        "contrast_to_background": float(np.log((inside.mean() + EPSILON) / (outside.mean() + EPSILON))),
        "variation_inside": float(inside.std() / (inside.mean() + EPSILON)),
    }


def _granularity(flat: np.ndarray) -> dict[str, float]:
    """Share of the light's variation between one blur and the next wider one."""
    from scipy.ndimage import gaussian_filter

    blurred = [flat, *(gaussian_filter(flat, scale) for scale in _SCALES)]
    bands = np.array([(fine - coarse).var() for fine, coarse in pairwise(blurred)])
    shares = np.log((bands + EPSILON) / (flat.var() + EPSILON))
    return {f"grain_{scale:g}": float(share) for scale, share in zip(_SCALES, shares, strict=True)}


def _texture(flat: np.ndarray) -> dict[str, float]:
    """Haralick's measures of the co-occurrence of grey levels, mean over four directions."""
    feature = _skimage("feature")
    grey = np.minimum((flat * _LEVELS).astype(np.uint8), _LEVELS - 1)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    counts = feature.graycomatrix(grey, _DISTANCES, angles, levels=_LEVELS, symmetric=True, normed=True)
    found = {}
    for name in _HARALICK:
        for distance, values in zip(_DISTANCES, feature.graycoprops(counts, name), strict=True):
            found[f"haralick_{name}_{distance}"] = float(np.nan_to_num(values).mean())
    return found


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    first, second = one - one.mean(), other - other.mean()
    return float((first * second).mean() / (first.std() * second.std() + EPSILON))


def _nuclei_features(
    pixels: np.ndarray, channels: tuple[str, ...], nuclear: int, diameter_px: float
) -> dict[str, float]:
    from scipy.ndimage import distance_transform_edt

    measure = _skimage("measure")
    labels = nuclei(pixels[nuclear], diameter_px)
    count = int(labels.max())
    found = {"nuclei_density": float(1e4 * count / labels.size)}
    properties = measure.regionprops_table(labels, properties=("label", *_SHAPES)) if count else {}
    for shape in _SHAPES:
        found |= _summary(f"nuclei_{shape}", np.asarray(properties.get(shape, [])))
    centres = measure.regionprops_table(labels, properties=("centroid",)) if count else {}
    found |= _summary("nuclei_neighbour_px", _nearest(centres))
    distance, nearest = distance_transform_edt(labels == 0, return_indices=True)
    owner = labels[tuple(nearest)]
    inner, *outer = [radius * diameter_px for radius in _RINGS]
    zones = {"inside": labels > 0, "near": (distance > 0) & (distance <= inner)}
    zones["middle"] = (distance > inner) & (distance <= outer[0])
    zones["far"] = (distance > outer[0]) & (distance <= outer[1])
    for place, channel in enumerate(channels):
        plane = pixels[place].astype(np.float32)
        plane = plane - np.percentile(plane, 1)
        light = {name: _per_nucleus(plane, owner, zone, count) for name, zone in zones.items()}
        total = np.mean(list(light.values()), axis=0) + EPSILON
        for name, values in light.items():
            found |= _summary(f"nuclei_{channel}_{name}", values / total)
        spread = _per_nucleus(plane**2, owner, zones["inside"], count) - light["inside"] ** 2
        found |= _summary(f"nuclei_{channel}_roughness", np.sqrt(np.maximum(spread, 0)) / (light["inside"] + EPSILON))
    return found


def _per_nucleus(plane: np.ndarray, owner: np.ndarray, zone: np.ndarray, count: int) -> np.ndarray:
    """(nuclei,) the mean of a plane over each nucleus's part of a zone."""
    chosen = owner[zone]
    sums = np.bincount(chosen, plane[zone], count + 1)[1:]
    return sums / np.maximum(np.bincount(chosen, minlength=count + 1)[1:], 1)


def _nearest(centres: dict[str, np.ndarray]) -> np.ndarray:
    """(nuclei,) the distance to the nearest other one."""
    from scipy.spatial import cKDTree

    points = np.column_stack([centres["centroid-0"], centres["centroid-1"]]) if centres else np.zeros((0, 2))
    return cKDTree(points).query(points, k=2)[0][:, 1] if len(points) > 1 else np.zeros(0)


def _summary(name: str, values: np.ndarray) -> dict[str, float]:
    if not len(values):
        return {f"{name}_mean": 0.0, f"{name}_deviation": 0.0}
    return {f"{name}_mean": float(values.mean()), f"{name}_deviation": float(values.std())}


def _skimage(part: str) -> Any:
    try:
        return importlib.import_module(f"skimage.{part}")
    except ImportError as error:
        raise MissingPackageError("measuring hand-crafted features", "scikit-image") from error
