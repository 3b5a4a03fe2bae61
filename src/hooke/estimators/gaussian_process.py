"""Exact Gaussian process regression, with kernels for descriptors and for fingerprints.

    k(x, y) = a exp(-|x - y|² / 2 l²) + b T(x, y),    T(x, y) = x·y / (|x|² + |y|² - x·y)
    mean(x) = k(x)ᵀ K⁻¹ y,    var(x) = k(x, x) - k(x)ᵀ K⁻¹ k(x) + σ²,    K = k(X, X) + σ² I

The radial part sees standardised features, the Tanimoto part T counts or bits; two rows of zeros have T = 1. a, b, l and σ² maximise the
log marginal likelihood of (a part of) the training rows. The standard deviation is that of a new measurement, noise included.

Classes are learnt by regression of ±1, one class against the others where there are more than two:

    p(class | x) = Φ((α mean(x) + β) / sqrt(1 + α² var(x)))

with α and β of greatest leave-one-out likelihood, normalised over the classes. Probabilities have no standard deviation.

Source: Rasmussen and Williams 2006 (doi:10.7551/mitpress/3206.001.0001), algorithm 2.1, equations 5.8, 5.9 and 5.12 and section 6.5; T:
Ralaivola et al. 2005 (doi:10.1016/j.neunet.2005.07.009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hooke.core.errors import UsageError
from hooke.core.types import Spec
from hooke.estimators import Arrays, LabelwiseEstimator, standardisation, standardised

_LIMITS = {"amplitude": (1e-3, 1e3), "length": (1e-2, 1e2), "noise": (1e-5, 1e1)}  # length: of the median distance


@dataclass(frozen=True)
class Config:
    """Options.

    Attributes:
        counts: How many of the first features are counts or bits, compared by T; the others are compared by the radial part.
        most_rows: Training rows beyond which it refuses: time grows with their cube, memory with their square.
        tuning_rows: Rows, drawn at random, that the marginal likelihood is computed of.
    """

    counts: int = 0
    most_rows: int = 5000
    tuning_rows: int = 500


class Estimator(LabelwiseEstimator):
    """Posterior mean and standard deviation."""

    modality = "any"
    config: Config

    def __init__(self, config: Config, spec: Spec, level: str) -> None:
        super().__init__(config, spec, level)
        self._factors: dict[int, np.ndarray] = {}  # number of a label → Cholesky factor of K; follows from what is saved

    def _share(self, features: np.ndarray) -> tuple[Arrays, np.ndarray]:
        if len(features) > self.config.most_rows:
            raise UsageError(
                f"gaussian_process takes at most {self.config.most_rows:,} training rows (option most_rows), not {len(features):,}"
            )
        if not 0 <= self.config.counts <= features.shape[1]:
            raise UsageError(f"counts = {self.config.counts:,}, but there are {features.shape[1]:,} features")
        self._factors = {}
        shared = standardisation(features[:, self.config.counts :])
        shared["profiles"] = self._profiles(features, shared)
        return shared, self._pairs(shared["profiles"], shared["profiles"])

    def _transform(self, features: np.ndarray) -> np.ndarray:
        return self._pairs(self._profiles(features, self.shared), self.shared["profiles"])

    def _profiles(self, features: np.ndarray, shared: Arrays) -> np.ndarray:
        counts = self.config.counts
        return np.hstack([features[:, :counts], standardised(features[:, counts:], shared)])

    def _pairs(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """(n, m, parts): squared distances of the features of the radial part, T of the counts."""
        counts = self.config.counts
        parts = []
        if counts < self.inputs:
            parts.append(_squared_distances(left[:, counts:], right[:, counts:]))
        if counts:
            parts.append(_tanimoto(left[:, :counts], right[:, :counts]))
        return np.stack(parts, axis=-1)
