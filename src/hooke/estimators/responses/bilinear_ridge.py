"""Ridge regression of responses on an embedding of perturbations, through principal components of the read-outs.

    D_* = mean + G [(G'G + lambda I)^-1 G' (Y - mean) P' (PP' + lambda I)^-1] P_*

Y: read-outs x training perturbations; G: read-outs x k, their scores in the first k principal components of Y; P: k' x perturbations, sums
of the embeddings of the perturbed genes. Without an embedding P is the slowest k' directions of the graph, exp(-lambda_i) u_i of its Laplacian.

Source: the linear model of Ahlmann-Eltze, Huber and Anders 2025 (doi:10.1038/s41592-025-02772-6).
Differs: a perturbation without an embedding has the mean, with the reason, not an embedding of zeros.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hooke.cells.conditions import Conditions
from hooke.estimators import responses


@dataclass(frozen=True)
class Config:
    """Sizes and the ridge."""

    components: int = 10  # k, of the read-outs
    directions: int = 32  # k', of the graph where there is no embedding
    ridge: float = 0.1  # lambda


class ResponseModel(responses.ResponseModel):
    """With an embedding it is the embedding that counts, without one the graph."""

    baseline = False
    uses = ("embedding", "graph")
    config: Config

    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> responses.Arrays:
        once, means = responses.by_perturbation(conditions, values)
        rows, reasons = self._embedded(once)
        known = np.array([not reason for reason in reasons], bool)
        left, above = responses.filled(means, self.mean)[known].T, rows[known].T
        vectors, sizes, _ = np.linalg.svd(left, full_matrices=False)
        scores = (vectors * sizes)[:, : self.config.components]
        inner = np.linalg.solve(
            scores.T @ scores + self.config.ridge * np.eye(scores.shape[1]), scores.T @ left @ above.T
        )
        core = np.linalg.solve(above @ above.T + self.config.ridge * np.eye(len(above)), inner.T).T
        return {"map": scores @ core}

    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        rows, reasons = self._embedded(conditions)
        return self.mean + rows @ self.learnt["map"].T, reasons

    @cached_property
    def _embedding(self) -> responses.Named:
        if self.knowledge.embedding is not None:
            return self.knowledge.embedding
        assert self.knowledge.graph is not None
        graph = self.knowledge.graph
        values, vectors = graph.spectrum
        kept = np.flatnonzero(graph.degrees)
        slow = (
            np.flatnonzero(np.abs(vectors[kept]).max(axis=0) > 0)[: self.config.directions]
            if len(kept)
            else np.zeros(0, int)
        )
        return responses.Named(
            tuple(graph.genes[node] for node in kept), (vectors * np.exp(-values))[np.ix_(kept, slow)]
        )

    def _embedded(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        table = self._embedding
        members = conditions.incidence(table.names)
        known = np.asarray(members.sum(axis=1)).ravel()
        return members @ table.values, [
            "" if count == len(parts) else f"{'+'.join(parts)}: no embedding"
            for count, parts in zip(known, conditions.parts, strict=True)
        ]
