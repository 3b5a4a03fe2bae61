"""Estimators without a gradient: saved as plain arrays, trained, predicted and reported like networks; the name is the file.

A file has `Config` (frozen dataclass) and `Estimator(config, spec)`, a subclass of the base here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from hooke.core.label import Label
from hooke.core.types import Spec


class Estimator(ABC):
    """Predicts the labels of whole items from a row of features.

    Args:
        config: The file's own options.
        spec: Its labels of `level` are what is predicted.
        level: Of the labels: the first of the modality.

    Attributes:
        modality: The kind of data; "any" for those that need features alone.
    """

    modality: ClassVar[str] = "any"

    def __init__(self, config: Any, spec: Spec, level: str) -> None:
        self.config = config
        self.labels: Sequence[Label] = tuple(label for label in spec.labels if label.level == level)

    @property
    def columns(self) -> int:
        """Predicted columns: a probability a class of labels with several, else one a label."""
        return sum(label.columns for label in self.labels)

    @abstractmethod
    def fit(self, features: np.ndarray, targets: np.ndarray, *, seed: int = 0) -> None:
        """Learn.

        Args:
            features: (n, f) float64.
            targets: (n, labels) float64, NaN = not measured; classes count from 0.
            seed: Of all randomness.
        """

    @abstractmethod
    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, columns) predictions, probabilities for classes, and their standard deviations (0 where it states none)."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """All that was learnt, as plain arrays."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, config: Any, spec: Spec, level: str, arrays: Mapping[str, np.ndarray]) -> Self:
        """Back from `arrays`."""
