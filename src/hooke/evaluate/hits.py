"""Hit calling: which perturbations differ from the controls, at a stated false-discovery rate.

Distance of the mean profile from the controls, in the metric of the controls' covariance (with a ridge), against as many
controls drawn at random; the controls that shape the metric and those that make the null are different halves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.core.errors import DataError
from hooke.evaluate.multiple_testing import benjamini_hochberg, empirical_p


@dataclass(frozen=True)
class Hits:
    """Calls.

    Attributes:
        names: (p,) perturbations.
        replicates: (p,).
        distances: (p,) Mahalanobis distance of the mean profile.
        p_values, q_values: (p,).
        rate: False-discovery rate of the calls.
        null_size: Groups of controls drawn for each number of replicates.
    """

    names: np.ndarray
    replicates: np.ndarray
    distances: np.ndarray
    p_values: np.ndarray
    q_values: np.ndarray
    rate: float
    null_size: int

    @property
    def called(self) -> np.ndarray:
        """(p,) bool."""
        return self.q_values <= self.rate


def call_hits(
    values: np.ndarray,
    perturbations: np.ndarray,
    controls: np.ndarray,
    *,
    generator: np.random.Generator,
    rate: float = 0.05,
    ridge: float = 0.1,
    null_size: int = 2000,
) -> Hits:
    """Call every perturbation.

    Args:
        values: (n, d), best after a correction.
        perturbations: (n,) names; controls and rows with "" are not called.
        controls: (n,) bool.
        generator: Splits the controls and draws the null.
        rate: False-discovery rate.
        ridge: Added to the covariance, as a share of the mean variance.
        null_size: Groups of controls.

    Raises:
        DataError: Fewer than eight controls.
    """
    values = np.asarray(values, np.float64)
    shuffled = generator.permutation(np.flatnonzero(np.asarray(controls, bool)))
    if len(shuffled) < 8:
        raise DataError(f"{len(shuffled)} controls; calling hits needs at least 8")
    shaping, null_rows = np.array_split(shuffled, 2)
    centre = values[shaping].mean(axis=0)
    covariance = np.cov(values[shaping], rowvar=False).reshape(values.shape[1], values.shape[1])
    level = np.trace(covariance) / len(covariance)
    spread, directions = np.linalg.eigh(covariance)
    whitened = ((values - centre) @ directions) / np.sqrt(np.maximum(spread, 0) + ridge * max(level, 1e-300))
    labels = np.where(np.asarray(controls, bool), "", np.asarray(perturbations).astype(str))
    names, codes = np.unique(labels, return_inverse=True)
    sizes = np.bincount(codes, minlength=len(names))
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, codes, whitened)
    kept = names != ""
    distances = np.linalg.norm(sums[kept] / sizes[kept, None], axis=1)
    p_values = np.empty(len(distances))
    for size in np.unique(sizes[kept]):
        groups = generator.integers(0, len(null_rows), (null_size, size))
        null = np.linalg.norm(whitened[null_rows][groups].mean(axis=1), axis=1)
        chosen = sizes[kept] == size
        p_values[chosen] = empirical_p(distances[chosen], null)
    return Hits(names[kept], sizes[kept], distances, p_values, benjamini_hochberg(p_values), rate, null_size)
