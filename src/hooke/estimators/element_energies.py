"""Energies of elements: an energy is the sum over its atoms of one number for each element, by least squares or ridge regression.

    E(composition) = Σ_Z n_Z e_Z,    e = argmin |E - N e|² + λ |e|²

There is no intercept, so that the energy of two distant molecules is the sum of theirs. The standard deviation of every prediction is that of
the residuals, with one degree of freedom an element taken off. Compositions that do not tell elements apart (one molecule, isomers alone) are
refused without λ. Classes, which no composition adds up to, are predicted by their frequencies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.atoms.composition import CompositionRegression
from hooke.atoms.elements import MAX_NUMBER
from hooke.core.errors import UsageError
from hooke.estimators import Arrays, LabelwiseEstimator


@dataclass(frozen=True)
class Config:
    """Options.

    Attributes:
        ridge: λ in the units of counts squared; 0 for least squares.
    """

    ridge: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.ridge) and self.ridge >= 0):
            raise UsageError(f"ridge must be 0 or more, got {self.ridge}")


class Estimator(LabelwiseEstimator):
    """Additive in the atoms; features are counts of atoms by atomic number, from 0."""

    modality = "atoms"
    config: Config

    def _learn(self, features: np.ndarray, rows: np.ndarray, values: np.ndarray, classes: int, seed: int) -> Arrays:
        if classes:
            return {"frequencies": np.bincount(values.astype(np.int64)) / len(values)}
        counts = np.zeros((len(rows), MAX_NUMBER))
        counts[:, : features.shape[1] - 1] = features[rows, 1:]
        regression = CompositionRegression()
        regression.update(counts, values)
        found = regression.fit(self.config.ridge)
        energies, errors = np.zeros((2, features.shape[1]))  # prediction refuses elements that no training frame has
        energies[found.elements], errors[found.elements] = found.energies, found.errors
        return {"energies": energies, "errors": errors, "spread": np.array([np.nan_to_num(found.spread)])}

    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        learnt = self.learnt[number]
        if "frequencies" in learnt:
            mean = np.broadcast_to(learnt["frequencies"], (len(features), len(learnt["frequencies"])))
            return mean, np.zeros_like(mean)
        values = features @ learnt["energies"]
        return values[:, None], np.full((len(values), 1), learnt["spread"].item())
