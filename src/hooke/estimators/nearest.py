"""Nearest profile: the label of the most cosine-similar training row, or the mean of the k most similar.

    s(x, y) = x·y / (|x| |y|) on standardised features;    classes: share of the neighbours

Of equally similar rows the first counts; similarities are compared to twelve decimals, so that rounding decides nothing. A row of zeros
is similar to none.

Source: Cover and Hart 1967 (doi:10.1109/TIT.1967.1053964).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.estimators import Arrays, LabelwiseEstimator, standardisation, standardised


@dataclass(frozen=True)
class Config:
    """Options.

    Attributes:
        k: Number of neighbours; all where fewer are measured.
        standardise: Standardise features on the training rows; without it, profiles are compared as they are given.
    """

    k: int = 1
    standardise: bool = True


class Estimator(LabelwiseEstimator):
    """Mean over the nearest training rows."""

    modality = "any"
    config: Config

    def _share(self, features: np.ndarray) -> tuple[Arrays, np.ndarray]:
        shared = standardisation(features) if self.config.standardise else {}
        shared["profiles"] = _unit(standardised(features, shared) if shared else features)
        return shared, features

    def _transform(self, features: np.ndarray) -> np.ndarray:
        given = standardised(features, self.shared) if self.config.standardise else features
        return np.round(_unit(given) @ self.shared["profiles"].T, 12)

    def _learn(self, features: np.ndarray, rows: np.ndarray, values: np.ndarray, classes: int, seed: int) -> Arrays:
        return {"rows": rows, "values": np.eye(classes)[values.astype(np.int64)] if classes else values[:, None]}

    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        learnt = self.learnt[number]
        order = _most_similar(features[:, learnt["rows"]], self.config.k)
        mean = learnt["values"][order].mean(axis=1)
        return mean, np.zeros_like(mean)


def _most_similar(similarity: np.ndarray, k: int) -> np.ndarray:
    """(n, k) columns with the largest values, the first of equal ones first."""
    if k == 1:
        return similarity.argmax(axis=1)[:, None]
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k]


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1.0)
