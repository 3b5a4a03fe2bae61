"""Kernel ridge regression on a graph of genes: responses are smooth over the graph, around the mean of the training responses.

    D_* = mean + K_* (K + lambda I)^-1 (D - mean),      K = Z exp(-beta L) Z'

L is the normalised Laplacian of the graph, and row i of Z holds 1 for every gene of perturbation i, so that sets of genes add up. beta and
lambda are those of the smallest squared error on inner folds of training perturbations. Responses of one perturbation in several contexts
are averaged; what is not measured counts as the mean. A perturbation without a path to a training perturbation has the mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.sparse

from hooke.cells.conditions import Conditions
from hooke.estimators import responses
from hooke.evaluate.kernel_ridge import chosen_ridge

_NOTHING = 1e-12  # of a kernel, below which two genes have no path


@dataclass(frozen=True)
class Config:
    """Values of beta and lambda that are tried on the inner folds."""

    betas: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0)  # of the diffusion
    ridges: tuple[float, ...] = (0.03, 0.1, 0.3, 1.0, 3.0)  # of the regression


class ResponseModel(responses.ResponseModel):
    """What it learns: beta, lambda and a dual coefficient a training perturbation and read-out."""

    baseline = False
    uses = ("graph",)
    config: Config

    def _fit(self, conditions: Conditions, values: np.ndarray, seed: int) -> responses.Arrays:
        once, means = responses.by_perturbation(conditions, values)
        graph = self._graph
        members = once.incidence(graph.genes)
        kernels = {beta: _between(members, graph.kernel(beta), members) for beta in self.config.betas}
        folds = responses.inner_folds(len(once), seed)
        best = chosen_ridge(kernels, responses.filled(means, self.mean), self.config.ridges, folds)
        return {
            "sets": responses.perturbation_array(once.perturbations), "dual": best.dual,
            "options": np.array([best.kernel, best.ridge], np.float64),
        }  # fmt: skip

    def _predict(self, conditions: Conditions) -> tuple[np.ndarray, list[str]]:
        weights = self.weights(conditions)
        values = self.mean + weights @ self.learnt["dual"]
        reasons = [
            "" if (row > _NOTHING).any() else f"{'+'.join(parts)}: no path in the graph to a training perturbation"
            for row, parts in zip(weights, conditions.parts, strict=True)
        ]
        return values, reasons

    @property
    def training(self) -> list[tuple[str, ...]]:
        """The training perturbations, in the order of the kernel's columns."""
        return responses.sets_of(self.learnt["sets"])

    def weights(self, conditions: Conditions) -> np.ndarray:
        """(n, training perturbations) kernel of new conditions with the training perturbations."""
        genes = self._graph.genes
        return _between(conditions.incidence(genes), self._kernel, self._members)

    def contributions(self, conditions: Conditions) -> np.ndarray:
        """(n, training perturbations) coefficient of each training response (less the mean) in a prediction: K_* (K + lambda I)^-1."""
        kernel = _between(self._members, self._kernel, self._members)
        return np.linalg.solve(kernel + self.learnt["options"][1] * np.eye(len(kernel)), self.weights(conditions).T).T

    def parts(self, conditions: Conditions) -> tuple[list[tuple[str, ...]], np.ndarray]:
        """Contribution times training response less the mean: c_q R_q with R = (K + lambda I) alpha."""
        kernel = _between(self._members, self._kernel, self._members)
        residuals = (kernel + self.learnt["options"][1] * np.eye(len(kernel))) @ self.learnt["dual"]
        return self.training, self.contributions(conditions)[0][:, None] * residuals

    @property
    def _graph(self) -> responses.Graph:
        assert self.knowledge.graph is not None
        return self.knowledge.graph

    @cached_property
    def _members(self) -> scipy.sparse.csr_array:
        return Conditions.of_genes(*self.training).incidence(self._graph.genes)

    @cached_property
    def _kernel(self) -> np.ndarray:
        return self._graph.kernel(float(self.learnt["options"][0]))


def _between(left: scipy.sparse.csr_array, kernel: np.ndarray, right: scipy.sparse.csr_array) -> np.ndarray:
    return np.asarray(left @ (right @ kernel).T)
