"""What errors of a potential on many frames say: means by molecule, and differences whose intervals come from resampled molecules.

Errors of one molecule's frames are alike, so that frames are no independent measurements: molecules are resampled, and of several seeds
each by itself (paired: both sides of a difference have the same seed and the same molecules).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hooke.evaluate.bootstrap import Interval

Errors = Mapping[str, float]  # molecule -> mean error of its frames
_RESAMPLES = 2000


def mean_error(seeds: Sequence[Errors], *, generator: np.random.Generator, level: float = 0.95) -> Interval:
    """Mean over seeds of the mean over molecules.

    Args:
        seeds: Errors of the molecules, for each seed.
        generator: Draws the resamples.
        level: Confidence.
    """
    return _interval([np.array([*errors.values()]) for errors in seeds if errors], generator, level)


def error_difference(
    first: Sequence[Errors], second: Sequence[Errors], *, generator: np.random.Generator, level: float = 0.95
) -> Interval:
    """Mean of `first` minus `second`, over the molecules that both have, seed by seed."""
    parts = []
    for one, other in zip(first, second, strict=True):
        both = sorted(one.keys() & other.keys())
        if both:
            parts.append(np.array([one[name] - other[name] for name in both]))
    return _interval(parts, generator, level)


def best_of(
    points: Mapping[float, Sequence[Errors]], *, generator: np.random.Generator, level: float = 0.95
) -> Interval:
    """The point with the smallest mean error, and between which points it lies when molecules are resampled.

    Args:
        points: Position of a point → errors of the molecules, for each seed; all points have the same molecules.
        generator: Draws the resamples.
        level: Confidence.
    """
    places = np.array(sorted(points))
    tables = []
    for seed in zip(*(points[place] for place in places.tolist()), strict=True):
        names = sorted(set.intersection(*(set(errors) for errors in seed)))
        if names:
            tables.append(np.array([[errors[name] for name in names] for errors in seed]))
    if not tables:
        return Interval(np.nan, np.nan, np.nan)
    value = float(places[np.mean([table.mean(axis=1) for table in tables], axis=0).argmin()])
    drawn = np.zeros((_RESAMPLES, len(places)))
    for table in tables:
        rows = generator.integers(0, table.shape[1], size=(_RESAMPLES, table.shape[1]))
        drawn += table[:, rows].mean(axis=2).T
    best = places[drawn.argmin(axis=1)]
    low, high = np.quantile(best, [(1 - level) / 2, (1 + level) / 2], method="nearest")
    return Interval(value, float(low), float(high))


def _interval(parts: Sequence[np.ndarray], generator: np.random.Generator, level: float) -> Interval:
    if not parts:
        return Interval(np.nan, np.nan, np.nan)
    value = float(np.mean([part.mean() for part in parts]))
    if min(len(part) for part in parts) < 2:
        return Interval(value, np.nan, np.nan)
    drawn = np.mean(
        [part[generator.integers(0, len(part), size=(_RESAMPLES, len(part)))].mean(axis=1) for part in parts], axis=0
    )
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))
