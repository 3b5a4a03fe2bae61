"""How much of a map is cell count: profiles of dying cells look alike whatever killed them.

Reported: share of the profiles' variance that a smooth function of the count explains, the rank correlation of count and distance from the
controls, and how much more alike perturbations of similar count are. `remove_count` takes the explained part away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.core.errors import DataError
from hooke.evaluate.metrics import spearman
from hooke.evaluate.pair_cosines import pair_cosines, unit_rows


@dataclass(frozen=True)
class CountConfounding:
    """What the cell count explains.

    Attributes:
        variance_explained: Of the profiles, by a cubic in log count, adjusted for its three terms.
        magnitude_correlation: Spearman correlation of log count with the length of the profile.
        similarity_correlation: Spearman correlation of |difference of log count| with cosine, over pairs; negative when
            perturbations of similar count look alike.
    """

    variance_explained: float
    magnitude_correlation: float
    similarity_correlation: float


def count_confounding(
    values: np.ndarray, counts: np.ndarray, *, generator: np.random.Generator, pairs: int = 100_000
) -> CountConfounding:
    """Measure it.

    Args:
        values: (n, d) profiles of perturbations, centred on controls.
        counts: (n,) cells.
        generator: Draws the pairs.
        pairs: How many.

    Raises:
        DataError: Fewer than six rows, or a count below zero.
    """
    values, logs = np.asarray(values, np.float64), _logs(values, counts)
    centred = values - values.mean(axis=0)
    residual = centred - _predicted(centred, logs)
    total = (centred**2).sum()
    share = 1 - (residual**2).sum() / total if total > 0 else 0.0
    count = len(values)
    adjusted = 1 - (1 - share) * (count - 1) / (count - 4)
    first = generator.integers(0, count, pairs)
    second = (first + generator.integers(1, count, pairs)) % count
    cosines = pair_cosines(unit_rows(values), first, second)
    apart = np.abs(logs[first] - logs[second])
    return CountConfounding(
        float(adjusted),
        float(spearman(logs[:, None], np.linalg.norm(values, axis=1)[:, None])[0]),
        float(spearman(apart[:, None], cosines[:, None])[0]),
    )


def remove_count(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Profiles without the part that a cubic in log count explains; their mean stays."""
    values = np.asarray(values)
    logs = _logs(values, counts)
    centred = np.asarray(values, np.float64) - values.mean(axis=0)
    return (values - _predicted(centred, logs)).astype(values.dtype)


def _logs(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    counts = np.asarray(counts, np.float64)
    if len(counts) != len(values) or len(counts) < 6:
        raise DataError(f"{len(counts)} cell counts for {len(values)} profiles; at least 6 of both are needed")
    if not np.isfinite(counts).all() or counts.min() < 0:
        raise DataError("cell counts must be finite and not negative")
    return np.log10(counts + 1)


def _predicted(centred: np.ndarray, logs: np.ndarray) -> np.ndarray:
    scaled = (logs - logs.mean()) / (logs.std() or 1.0)
    design = np.stack([scaled, scaled**2, scaled**3], axis=1)
    design -= design.mean(axis=0)
    return design @ np.linalg.lstsq(design, centred, rcond=None)[0]
