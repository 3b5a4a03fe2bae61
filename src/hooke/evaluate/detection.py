"""How well a number foretells large errors: the area under the ROC curve of "error above three times the median".

Distances to the training data and spreads of ensembles are such numbers. Frames of one molecule are alike, so that molecules are resampled.
"""

from __future__ import annotations

import numpy as np

from hooke.evaluate.bootstrap import Interval
from hooke.evaluate.metrics import roc_auc

FACTOR = 3.0
_RESAMPLES = 500


def large(errors: np.ndarray, factor: float = FACTOR) -> np.ndarray:
    """(n,) bool: errors above so many times their median."""
    return np.asarray(errors > factor * np.median(errors))


def detection(
    signal: np.ndarray, errors: np.ndarray, groups: np.ndarray, *, generator: np.random.Generator, level: float = 0.95
) -> Interval:
    """AUROC of a signal for large errors, with a bootstrap interval over groups; NaN where no error is large, or all are.

    Args:
        signal: (n,) that is meant to be large where errors are.
        errors: (n,) of at least 0.
        groups: (n,) molecule of each.
        generator: Draws the resamples.
        level: Confidence.
    """
    wanted = large(errors).astype(float)
    value = float(roc_auc(signal[:, None], wanted[:, None])[0])
    names, of = np.unique(groups, return_inverse=True)
    rows = np.split(np.argsort(of, kind="stable"), np.cumsum(np.bincount(of))[:-1])
    if not np.isfinite(value) or len(names) < 2:
        return Interval(value, np.nan, np.nan)
    drawn = []
    for _ in range(_RESAMPLES):
        some = np.concatenate([rows[group] for group in generator.integers(0, len(names), size=len(names))])
        drawn.append(float(roc_auc(signal[some, None], wanted[some, None])[0]))
    known = np.array(drawn)[np.isfinite(drawn)]
    if len(known) < _RESAMPLES // 2:
        return Interval(value, np.nan, np.nan)
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))


def mahalanobis(vectors: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(n,) distance to the mean of the known vectors in units of their covariance, whose variances are at least a millionth of the largest.

    Args:
        vectors: (n, width).
        known: (m, width).
    """
    centre = known.mean(axis=0, dtype=np.float64)
    values, directions = np.linalg.eigh(np.cov(known.astype(np.float64), rowvar=False))
    scaled = (vectors - centre) @ directions / np.sqrt(np.maximum(values, 1e-6 * values.max()))
    return np.asarray(np.linalg.norm(scaled, axis=1))
