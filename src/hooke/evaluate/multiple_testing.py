"""False-discovery rate."""

from __future__ import annotations

import numpy as np


def benjamini_hochberg(p_values: np.ndarray) -> np.ndarray:
    """Adjusted p-values: the smallest false-discovery rate at which each test is called; NaN stays NaN and is not counted.

    Args:
        p_values: (t,) between 0 and 1.

    Returns:
        (t,) float64.

    Source: Benjamini and Hochberg 1995.
    """
    p_values = np.asarray(p_values, np.float64)
    out = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    if not len(tested):
        return out
    order = tested[np.argsort(p_values[tested], kind="stable")]
    raised = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    out[order] = np.minimum(1.0, np.minimum.accumulate(raised[::-1])[::-1])
    return out


def empirical_p(observed: np.ndarray, null: np.ndarray) -> np.ndarray:
    """One-sided p-values (1 + #{null >= observed}) / (1 + N): never zero, exact for small nulls."""
    null = np.sort(np.asarray(null, np.float64))
    at_least = len(null) - np.searchsorted(null, observed, side="left")
    return np.where(np.isnan(observed), np.nan, (1 + at_least) / (1 + len(null)))
