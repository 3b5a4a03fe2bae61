"""The responses of neighbours, in a graph or in an embedding, averaged and drawn towards the mean of the training responses.

    D_p = mean + sum_q w_pq (D_q - mean) / (sum_q w_pq + k0)

w_pq is the weight of the edge between p and q, or their cosine where that is positive and q is among the k nearest; a training perturbation is
its own neighbour with weight 1. The weights of a set of genes are the sums of those of its genes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse

from hooke.cells.conditions import Conditions
from hooke.estimators import responses


@dataclass(frozen=True)
class Config:
    """How neighbours count."""

    pull: float = 5.0  # k0: the weight of the mean
    neighbours: int = 10  # k, of an embedding


class ResponseModel(responses.ResponseModel):
    """With a graph it is the graph that counts, without one the embedding."""

    baseline = False
    uses = ("graph", "embedding")
    config: Config

    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> responses.Arrays:
        once, means = responses.by_perturbation(conditions, values)
        return {
            "sets": responses.perturbation_array(once.perturbations),
            "differences": responses.filled(means, self.mean),
        }

    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        weights = self.weights(conditions)
        total = np.asarray(weights.sum(axis=1)).ravel()
        pulled = np.maximum(total + self.config.pull, np.finfo(float).tiny)
        values = self.mean + (weights @ self.learnt["differences"]) / pulled[:, None]
        kind = "edge" if self.knowledge.graph is not None else "similarity"
        return values, [
            "" if weight > 0 else f"{'+'.join(parts)}: no {kind} to a training perturbation"
            for weight, parts in zip(total, conditions.parts, strict=True)
        ]

    @property
    def training(self) -> list[tuple[str, ...]]:
        """The training perturbations, in the order of the columns of `weights`."""
        return responses.sets_of(self.learnt["sets"])

    def weights(self, conditions: Conditions) -> scipy.sparse.csr_array:
        """(n, training perturbations) w."""
        training = self.training
        names = sorted({*conditions.names, *(name for parts in training for name in parts)})
        members = Conditions.of_genes(*training).incidence(names)
        asked = conditions.incidence(names)
        return asked @ (self._between(names) + scipy.sparse.eye_array(len(names), format="csr")) @ members.T

    def parts(self, conditions: Conditions) -> tuple[list[tuple[str, ...]], np.ndarray]:
        """Weight times training response less the mean."""
        weights = self.weights(conditions).toarray()[0]
        share = weights / max(weights.sum() + self.config.pull, np.finfo(float).tiny)
        return self.training, share[:, None] * self.learnt["differences"]

    def _between(self, names: list[str]) -> scipy.sparse.csr_array:
        """(names, names) weights of different names."""
        if self.knowledge.graph is not None:
            return self.knowledge.graph.over(names).adjacency
        assert self.knowledge.embedding is not None
        places = self.knowledge.embedding.places(names)
        rows = np.where(places[:, None] >= 0, self.knowledge.embedding.values[places], 0.0)
        unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(float).tiny)
        trained = {name for parts in self.training for name in parts}
        columns = np.flatnonzero([name in trained for name in names])
        cosines = unit @ unit[columns].T
        cosines[columns, np.arange(len(columns))] = 0.0  # itself counts beforehand
        count = min(self.config.neighbours, len(columns))
        nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :count]
        weight = np.maximum(np.take_along_axis(cosines, nearest, axis=1), 0.0)
        row = np.repeat(np.arange(len(names)), count)
        return scipy.sparse.csr_array((weight.ravel(), (row, columns[nearest.ravel()])), shape=(len(names), len(names)))
