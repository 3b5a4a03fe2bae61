"""Kernel ridge regression of many columns at once, with its options chosen on inner folds in closed form.

    alpha = (K + lambda I)^-1 Y                          prediction of new rows: K_* alpha
    residuals of a left-out fold F = [(K + lambda I)^-1]_FF^-1 alpha_F

The second line is what refitting without F gives, Y being as it is (centred beforehand, with the mean held fixed): nothing is refitted.

Source: leave-one-out for single rows: Craven and Wahba 1979; for folds: An, Liu and Venkatesh 2007 (doi:10.1016/j.patcog.2006.12.015).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
        for ridge, dual, squares in _tried(kernel, targets, ridges, folds):
            error = np.inf if squares is None else float(np.mean(squares))
            if best is None or error < best.error:
                best = KernelRidge(key, float(ridge), dual, error)
    assert best is not None
    return best


def ridge_of_each(
    kernel: np.ndarray, targets: np.ndarray, ridges: Sequence[float], folds: Sequence[np.ndarray]
) -> np.ndarray:
    """(n, g) alpha of each column with its own lambda, that of its smallest squared error on left-out folds; see `chosen_ridge`."""
    (_, found, squares), *others = _tried(kernel, targets, ridges, folds)
    if squares is None:
        return found
    best = np.mean(squares, axis=0)
    for _, dual, squares in others:
        errors = np.mean(squares, axis=0)
        better = errors < best
        best[better], found[:, better] = errors[better], dual[:, better]
    return found


def _tried(
    kernel: np.ndarray, targets: np.ndarray, ridges: Sequence[float], folds: Sequence[np.ndarray]
) -> Iterator[tuple[float, np.ndarray, Any]]:
    """Each lambda with its (n, g) alpha and (n, g) squared residuals of left-out folds; None with a single fold."""
    values, vectors = np.linalg.eigh(kernel)
    values, rotated = np.maximum(values, 0.0), vectors.T @ targets
    for ridge in ridges:
        scaled = vectors / (values + ridge)
        dual = scaled @ rotated
        yield ridge, dual, np.square(left_out(scaled @ vectors.T, dual, folds)) if len(folds) > 1 else None


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
