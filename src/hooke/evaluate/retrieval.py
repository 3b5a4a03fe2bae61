"""Mean average precision of finding a profile's own kind (replicates, or items of one class) among the others by cosine."""

from __future__ import annotations

import numpy as np

from hooke.core.errors import DataError
from hooke.evaluate.pair_cosines import unit_rows

_BLOCK_BYTES = 64 << 20


def average_precisions(
    values: np.ndarray,
    labels: np.ndarray,
    *,
    others: np.ndarray | None = None,
    exclude: np.ndarray | None = None,
) -> np.ndarray:
    """Average precision of every row as a query.

    AP = mean over its positives of (positives ranked so high) / (rank); equal cosines count as the worst order.

    Args:
        values: (n, d).
        labels: (n,) rows with equal labels are each other's positives; "" is never a query nor a positive.
        others: (n,) bool: which rows may be negatives (controls); None for all with another label.
        exclude: (n,) names: rows with the query's name (its well or plate) are left out of its ranking.

    Returns:
        (n,) float64, NaN for rows without a positive.
    """
    unit = unit_rows(values).astype(np.float32)
    labels = np.asarray(labels).astype(str)
    if len(labels) != len(unit):
        raise DataError(f"{len(unit)} profiles for {len(labels)} labels")
    _, codes = np.unique(labels, return_inverse=True)
    _, groups = np.unique(np.arange(len(unit)) if exclude is None else np.asarray(exclude), return_inverse=True)
    negatives = np.ones(len(unit), bool) if others is None else np.asarray(others, bool)
    out = np.full(len(unit), np.nan)
    queries = np.flatnonzero(labels != "")
    step = max(1, _BLOCK_BYTES // (12 * max(len(unit), 1)))
    for start in range(0, len(queries), step):
        rows = queries[start : start + step]
        cosines = unit[rows] @ unit.T
        for row, scores in zip(rows, cosines, strict=True):
            same = codes == codes[row]
            other = groups != groups[row]
            positive, negative = same & other & (labels != ""), ~same & other & negatives
            if not positive.any():
                continue
            wanted = np.sort(scores[positive])[::-1]
            against = np.sort(scores[negative])
            above = len(against) - np.searchsorted(against, wanted, side="left")  # ties stand before the positive
            found = np.arange(1, len(wanted) + 1)
            out[row] = np.mean(found / (found + above))
    return out


def mean_average_precision(values: np.ndarray, labels: np.ndarray, **options: np.ndarray | None) -> float:
    """Mean of the average precisions, first over the rows of each label and then over labels.

    Args:
        values, labels: See `average_precisions`.
        options: The same.

    Returns:
        NaN when no row has a positive.
    """
    scores = average_precisions(values, labels, **options)
    measured = ~np.isnan(scores)
    if not measured.any():
        return float("nan")
    _, codes = np.unique(np.asarray(labels).astype(str)[measured], return_inverse=True)
    return float((np.bincount(codes, scores[measured]) / np.bincount(codes)).mean())
