"""PCA-CS: principal components of the controls, then centring and scaling on each batch's controls.

Source: the OpenPhenom model card, which calls its embeddings useless without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hooke.core.errors import DataError
from hooke.evaluate.correction.base import AffinePerBatch, checked
from hooke.evaluate.correction.centre_scale import centre_and_scale, maps_by_batch


@dataclass(frozen=True)
class PcaCs(AffinePerBatch):
    """Rotation on the principal components of all controls, then (x - mean) / std of the batch's controls."""

    method: ClassVar[str] = "pca_cs"

    def batch_map(self, controls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `AffinePerBatch.batch_map`."""
        return centre_and_scale(controls)


FITTED = PcaCs


def principal_components(values: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean (d,) and components (d, k), by falling variance; directions that the values do not span are dropped.

    Of the two signs of a component, that whose largest entry is positive is taken, so that results do not depend on the library.

    Args:
        values: (n, d).
        tolerance: Components whose standard deviation is below this share of the largest are dropped.

    Raises:
        DataError: All values are equal.
    """
    mean = values.mean(axis=0)
    _, lengths, components = np.linalg.svd(values - mean, full_matrices=False)
    kept = lengths > tolerance * lengths.max(initial=0)
    if not kept.any():
        raise DataError("all controls have the same embedding: there is nothing to fit on")
    components = components[kept]
    largest = components[np.arange(len(components)), np.abs(components).argmax(axis=1)]
    return mean, (components * np.sign(largest)[:, None]).T


def fit(
    values: np.ndarray,
    batches: np.ndarray,
    controls: np.ndarray,
    *,
    components: int | None = None,
    tolerance: float = 1e-6,
) -> PcaCs:
    """Learn the rotation and each batch's mean and standard deviation.

    Args:
        values, batches, controls: See `correction.fit`.
        components: How many to keep; None for all that the controls span.
        tolerance: See `principal_components`.
    """
    values, batches, controls = checked(values, batches, controls)
    shift, rotation = principal_components(values[controls], tolerance)
    rotation = rotation[:, :components]
    return PcaCs(shift, rotation, *maps_by_batch((values - shift) @ rotation, batches, controls))
