"""Sphering: whiten by the controls, with a ridge that is searched for the best retrieval of replicates.

W = (C + epsilon I)^(-1/2), C the covariance of all controls about their batch means, in units of the controls' standard deviation.

Source: Arevalo et al. 2024, which draws 25 values log-uniformly from 1e-5 to 1e3 and keeps the one with the best mAP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hooke.core.errors import UsageError
from hooke.evaluate.correction.base import AffinePerBatch, by_batch, checked, control_rows, inverse_root, no_rotation
from hooke.evaluate.moments import spread
from hooke.evaluate.retrieval import mean_average_precision

LOWEST, HIGHEST, SAMPLES = 1e-5, 1e3, 25


@dataclass(frozen=True)
class Sphering(AffinePerBatch):
    """(x - mean of the batch's controls) W.

    Attributes:
        whitening: (d, d).
        epsilon: The ridge.
        searched: (s, 2) epsilon and mAP of every value tried; empty when it was given.
    """

    whitening: np.ndarray
    epsilon: np.ndarray
    searched: np.ndarray
    method: ClassVar[str] = "sphering"

    def batch_map(self, controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `AffinePerBatch.batch_map`."""
        return controls.mean(axis=0), self.whitening


FITTED = Sphering


def fit(
    values: np.ndarray,
    batches: np.ndarray,
    controls: np.ndarray,
    *,
    epsilon: float | None = None,
    perturbations: np.ndarray | None = None,
    generator: np.random.Generator | None = None,
    samples: int = SAMPLES,
) -> Sphering:
    """Learn each batch's mean and the whitening.

    Args:
        values, batches, controls: See `correction.fit`.
        epsilon: The ridge; None searches it.
        perturbations: (n,) names, whose replicates are to be found again; needed for the search.
        generator: Draws the values that are tried.
        samples: How many are tried.

    Raises:
        UsageError: No epsilon, and nothing to search it with.
        DataError: A batch has no controls.
    """
    values, batches, controls = checked(values, batches, controls)
    groups = [(name, rows, control_rows(name, rows, controls)) for name, rows in by_batch(batches)]
    offsets = np.array([values[own].mean(axis=0) for _, _, own in groups])
    centred = np.empty_like(values)
    for (_, rows, _), offset in zip(groups, offsets, strict=True):
        centred[rows] = values[rows] - offset
    scale = spread(centred[controls])
    covariance = np.cov(centred[controls] / scale, rowvar=False, ddof=min(1, int(controls.sum()) - 1)).reshape(
        len(scale), len(scale)
    )
    searched = np.empty((0, 2))
    if epsilon is None:
        if perturbations is None or generator is None:
            raise UsageError("sphering needs epsilon, or perturbations and a generator to search it")
        tried = 10 ** generator.uniform(np.log10(LOWEST), np.log10(HIGHEST), samples)
        labels = np.asarray(perturbations).astype(str)[~controls]
        scores = [
            mean_average_precision((centred[~controls] / scale) @ inverse_root(covariance, value), labels)
            for value in tried
        ]
        searched = np.stack([tried, scores], axis=1)
        epsilon = float(tried[int(np.nanargmax(scores))])
    whitening = inverse_root(covariance, epsilon) / scale[:, None]
    names = np.array([name for name, _, _ in groups])
    return Sphering(
        np.zeros(len(scale)), no_rotation(), names, offsets, np.repeat(whitening[None], len(names), axis=0),
        whitening, np.array(epsilon), searched,
    )  # fmt: skip
