"""Kernel ridge regression of many columns at once, with its options chosen on inner folds in closed form.

    alpha = (K + lambda I)^-1 Y                          prediction of new rows: K_* alpha
    residuals of a left-out fold F = [(K + lambda I)^-1]_FF^-1 alpha_F

The second line is what refitting without F gives, Y being as it is (centred beforehand, with the mean held fixed): nothing is refitted.

Source: leave-one-out for single rows: Craven and Wahba 1979; for folds: An, Liu and Venkatesh 2007 (doi:10.1016/j.patcog.2006.12.015).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class KernelRidge(NamedTuple):
    """What was chosen and fitted.

    Attributes:
        kernel: Key of the kernel.
        ridge: lambda.
        dual: (n, g) alpha.
        error: Mean squared error on the inner folds.
    """

    kernel: Any
    ridge: float
    dual: np.ndarray
    error: float


def chosen_ridge(
    kernels: Mapping[Any, np.ndarray], targets: np.ndarray, ridges: Sequence[float], folds: Sequence[np.ndarray]
) -> KernelRidge:
    """The kernel and lambda of the smallest squared error on left-out folds, fitted to all rows.

    Args:
        kernels: Key → (n, n) positive semi-definite; of equal errors the first counts.
        targets: (n, g) centred.
        ridges: Values of lambda > 0.
        folds: Rows of each fold; with a single fold nothing can be left out, and the first kernel and lambda are taken.
    """
    best: KernelRidge | None = None
    for key, kernel in kernels.items():
        values, vectors = np.linalg.eigh(kernel)
        values, rotated = np.maximum(values, 0.0), vectors.T @ targets
        for ridge in ridges:
            scaled = vectors / (values + ridge)
            dual = scaled @ rotated
            error = np.inf
            if len(folds) > 1:
                inverse = scaled @ vectors.T
                error = float(np.mean(np.square(left_out(inverse, dual, folds))))
            if best is None or error < best.error:
                best = KernelRidge(key, float(ridge), dual, error)
    assert best is not None
    return best


def ridge_of_each(
    kernel: np.ndarray, targets: np.ndarray, ridges: Sequence[float], folds: Sequence[np.ndarray]
) -> np.ndarray:
    """(n, g) alpha of each column with its own lambda, that of its smallest squared error on left-out folds; see `chosen_ridge`."""
    values, vectors = np.linalg.eigh(kernel)
    values, rotated = np.maximum(values, 0.0), vectors.T @ targets
    best, found = np.full(targets.shape[1], np.inf), np.zeros(targets.shape)
    for number, ridge in enumerate(ridges):
        scaled = vectors / (values + ridge)
        dual = scaled @ rotated
        errors = np.full(len(best), np.inf)
        if len(folds) > 1:
            errors = np.mean(np.square(left_out(scaled @ vectors.T, dual, folds)), axis=0)
        better = (errors < best) | (number == 0)
        best[better], found[:, better] = errors[better], dual[:, better]
    return found


def left_out(inverse: np.ndarray, dual: np.ndarray, folds: Sequence[np.ndarray]) -> np.ndarray:
    """(n, g) residuals of every row when its fold is left out.

    Args:
        inverse: (n, n) of K + lambda I.
        dual: (n, g) alpha.
        folds: Rows of each, together all rows.
    """
    residuals = np.empty_like(dual)
    for rows in folds:
        residuals[rows] = np.linalg.solve(inverse[np.ix_(rows, rows)], dual[rows])
    return residuals
