"""Nearest profile: the label of the most cosine-similar training row, or the mean of the k most similar.

    s(x, y) = x·y / (|x| |y|);    classes: share of the neighbours

Of equally similar rows the first counts; similarities are compared to twelve decimals, so that rounding decides nothing. A row of zeros
has similarity 0 to all.

Source: Cover and Hart 1967 (doi:10.1109/TIT.1967.1053964).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hooke.estimators import Arrays, LabelwiseEstimator


@dataclass(frozen=True)
class Config:
    """Options.

    Attributes:
        k: Number of neighbours; all rows where fewer are measured.
    """

    k: int = 1


class Estimator(LabelwiseEstimator):
    """Mean over the nearest training rows."""

    modality = "any"
    config: Config

    def _share(self, features: np.ndarray) -> tuple[Arrays, np.ndarray]:
        return {"profiles": _unit(features)}, features

    def _transform(self, features: np.ndarray) -> np.ndarray:
        return np.round(_unit(features) @ self.shared["profiles"].T, 12)

    def _learn(self, features: np.ndarray, rows: np.ndarray, values: np.ndarray, classes: int, seed: int) -> Arrays:
        return {"rows": rows, "values": np.eye(classes)[values.astype(np.int64)] if classes else values[:, None]}

    def _infer(self, features: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
        learnt = self.learnt[number]
        mean = learnt["values"][_most_similar(features[:, learnt["rows"]], self.config.k)].mean(axis=1)
        return mean, np.zeros_like(mean)


def _most_similar(similarity: np.ndarray, k: int) -> np.ndarray:
    """(n, k) columns with the largest values, the first of equal ones first."""
    if k == 1:
        return similarity.argmax(axis=1)[:, None]
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k]


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1.0)
