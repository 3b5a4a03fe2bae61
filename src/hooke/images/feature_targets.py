"""Hand-crafted features of many fields of a store as targets of training, measured once and kept in the cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hooke.core.checked import kept_array
from hooke.core.errors import DataError
from hooke.core.hashing import content_hash
from hooke.core.paths import cache_folder
from hooke.core.progress import progress
from hooke.images.features import feature_names, store_features
from hooke.images.store import ImageStore

FARTHEST = 5.0  # deviations from the mean; a field with one odd nucleus must not rule the training
_PART = 512  # fields between saves
_DRAWN_BY = 0


def measured_fields(
    store: ImageStore, count: int | None = None, *, workers: int | None = None, show_progress: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """Hand-crafted features of fields drawn at random by a fixed seed: the same ones for the same store.

    Parts are kept as soon as they are measured, so that a stopped command goes on.

    Args:
        store: The images.
        count: How many fields at most; None measures all.
        workers: Processes; None takes all cores.
        show_progress: Show a progress bar.

    Returns:
        rows: (measured,) of the store, ascending.
        values: (measured, features) float64.

    Raises:
        DataError: Nothing is measured.
    """
    rows = np.sort(np.random.default_rng(_DRAWN_BY).permutation(len(store))[:count])
    if not len(rows):
        raise DataError(f"no field of {store.folder.name} is measured; there are {len(store)}, asked for {count}")
    return rows, np.concatenate(_parts(store, rows, workers, show_progress))


def measured_targets(
    store: ImageStore, count: int, *, workers: int | None = None, show_progress: bool = True
) -> np.ndarray:
    """What `measured_fields` found, with mean 0 and variance 1 over the measured fields, cut off at ±5.

    Returns:
        (fields of the store, features) float32; rows of NaN where nothing was measured.
    """
    rows, values = measured_fields(store, count, workers=workers, show_progress=show_progress)
    values[~np.isfinite(values)] = np.nan
    mean, deviation = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    scaled = (values - mean) / np.where(deviation > 1e-6 * np.abs(mean) + 1e-12, deviation, np.inf)
    found = np.full((len(store), values.shape[1]), np.nan, np.float32)
    found[rows] = scaled.clip(-FARTHEST, FARTHEST)
    return found


def _parts(store: ImageStore, rows: np.ndarray, workers: int | None, show_progress: bool) -> list[np.ndarray]:
    key = content_hash(["measured", store.content_hash, len(rows), len(feature_names(store.channels))])[:24]
    folder = cache_folder() / "features" / key
    found = []
    with progress(len(rows), "measuring features", "fields", show=show_progress) as bar:
        for start in range(0, len(rows), _PART):
            some = rows[start : start + _PART]
            found.append(_part(store, some, folder / f"{start:08d}.npy", workers))
            bar.advance(len(some))
    return found


def _part(store: ImageStore, rows: np.ndarray, path: Path, workers: int | None) -> np.ndarray:
    def measured() -> np.ndarray:
        return store_features(store, rows, workers=workers, show_progress=False)[0].astype(np.float64)

    return kept_array(path, measured, f"is measuring {path.parent}")
