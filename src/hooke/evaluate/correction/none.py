"""No correction: the row that every comparison needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hooke.evaluate.correction.base import Correction, checked


@dataclass(frozen=True)
class NoCorrection(Correction):
    """The embeddings as they are."""

    method: ClassVar[str] = "none"

    def transform(self, values: np.ndarray, batches: np.ndarray, controls: np.ndarray | None = None) -> np.ndarray:
        """See `Correction.transform`."""
        checked(values, batches, controls)
        return np.array(values)


FITTED = NoCorrection


def fit(values: np.ndarray, batches: np.ndarray, controls: np.ndarray) -> NoCorrection:
    """Nothing is learnt; the arrays are checked as by every method."""
    checked(values, batches, controls)
    return NoCorrection()
