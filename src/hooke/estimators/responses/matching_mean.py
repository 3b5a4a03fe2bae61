"""The average, over the perturbed genes, of the mean training response in which each of them takes part.

    D_AB = (M_A + M_B) / 2,    M_g = mean of all training responses whose perturbation contains g

A gene that no training perturbation contains has the mean of all as its M.

Source: Systema's matching mean (Viñas Torné et al. 2025, doi:10.1038/s41587-025-02777-8), on changes instead of profiles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.estimators import responses


@dataclass(frozen=True)
class Config:
    """Nothing to choose."""


class ResponseModel(responses.ResponseModel):
    """For pairs; of single genes it is their own mean."""

    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> responses.Arrays:
        names = conditions.names
        taking_part = conditions.incidence(names).T
        measured = ~np.isnan(values) * conditions.counts[:, None]
        total, weight = taking_part @ (np.nan_to_num(values) * measured), taking_part @ measured
        return {
            "names": responses.text_array(names),
            "means": np.divide(total, weight, out=np.tile(self.mean, (len(names), 1)), where=weight > 0),
        }

    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        names = responses.texts_of(self.learnt["names"])
        known = conditions.incidence(names)
        seen = np.asarray(known.sum(axis=1)).ravel()
        sizes = np.array([len(parts) for parts in conditions.parts], np.float64)
        total = known @ self.learnt["means"] + (sizes - seen)[:, None] * self.mean
        reasons = ["" if count else "none of its genes was perturbed in training" for count in seen]
        return total / np.maximum(sizes, 1)[:, None], reasons
