"""Kernels of the Laplacian L = D - A of molecular graphs, in float64: heat, electrostatic potential, commute times.

With the eigenpairs (λ, φ) of L above the null space (one vector a connected component, dropped as everywhere here):

- heat: H_t = Σ φ φᵀ exp(-t λ); its diagonal says how much heat stays on an atom beyond what its component keeps for ever;
- potential: V = L⁺ - diag(L⁺) with L⁺ = Σ φ φᵀ / λ, so V_ij = L⁺_ij - L⁺_jj: of a unit charge on i, seen from j;
- resistance distance: R_ij = L⁺_ii + L⁺_jj - 2 L⁺_ij; a walk from i to j and back takes 2 M R_ij steps (M bonds).

A graph without bonds has zeros.

Source: the targets of GPSE (arXiv 2307.07107) for heat and potential, Kreuzer et al. 2021 (arXiv 2106.03893) for the potential; Klein
and Randić 1993 (doi 10.1007/BF01164627) for R. Differs from GPSE: statistics over other atoms stay within a component, and spreads
are over all n entries, not n - 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ELECTROSTATIC_WIDTH, COMMUTE_WIDTH = 7, 3
_NULL_SPACE = 1e-8


@dataclass(frozen=True)
class Kernels:
    """Of `G` stacked graphs of one size n.

    Attributes:
        adjacency: (G, n, n) float64, symmetric, 0 or 1.
        values: (G, n) eigenvalues of L, ascending; infinite in the null space, which no kernel then feels.
        vectors: (G, n, n) eigenvectors, one a column.
        same: (G, n, n) bool, whether two atoms lie in one component.
    """

    adjacency: np.ndarray
    values: np.ndarray
    vectors: np.ndarray
    same: np.ndarray

    @classmethod
    def of(cls, adjacency: np.ndarray) -> Kernels:
        """Solve L for stacked graphs."""
        from scipy.sparse.csgraph import connected_components

        size = adjacency.shape[1]
        laplacian = -adjacency
        laplacian[:, np.arange(size), np.arange(size)] = adjacency.sum(axis=2)
        values, vectors = np.linalg.eigh(laplacian)
        component = np.stack([connected_components(one, directed=False)[1] for one in adjacency])
        same = component[:, :, None] == component[:, None, :]
        return cls(adjacency, np.where(values < _NULL_SPACE, np.inf, values), vectors, same)

    def heat_diagonal(self, times: int) -> np.ndarray:
        """diag(H_t) for t = 1 ... times: (G, n, times)."""
        decay = np.exp(-self.values[:, :, None] * np.arange(1, times + 1))
        return self.vectors**2 @ decay

    def inverse(self) -> np.ndarray:
        """L⁺: (G, n, n)."""
        return (self.vectors / self.values[:, None, :]) @ self.vectors.transpose(0, 2, 1)

    def electrostatic(self) -> np.ndarray:
        """(G, n, 7) of each atom v: minimum, mean and spread of V_·v; minimum and spread of V_v·; neighbours' mean of V_·v and V_v·.

        The last two weigh each potential by 1 / degree of the row's atom: Σ_i A_iv V_iv / d_i and Σ_j A_vj V_vj / d_v.
        """
        inverse = self.inverse()
        potential = inverse - np.diagonal(inverse, axis1=1, axis2=2)[:, None, :]
        walk = self.adjacency / np.maximum(self.adjacency.sum(axis=2, keepdims=True), 1)
        arriving, leaving = self._statistics(potential, 1), self._statistics(potential, 2)
        near = walk * potential
        return np.stack([*arriving[:3], leaving[0], leaving[2], near.sum(axis=1), near.sum(axis=2)], axis=2)

    def commute(self) -> np.ndarray:
        """(G, n, 3) mean, spread and maximum of the resistance distances from each atom to those of its component."""
        inverse = self.inverse()
        own = np.diagonal(inverse, axis1=1, axis2=2)
        _, mean, spread, largest = self._statistics(own[:, :, None] + own[:, None, :] - 2 * inverse, 2)
        return np.stack([mean, spread, largest], axis=2)

    def _statistics(self, matrix: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Minimum, mean, standard deviation and maximum over the atoms of the own component."""
        count = self.same.sum(axis=axis)
        mean = np.where(self.same, matrix, 0).sum(axis=axis) / count
        off = np.where(self.same, matrix - np.expand_dims(mean, axis), 0)
        lowest = np.where(self.same, matrix, np.inf).min(axis=axis)
        highest = np.where(self.same, matrix, -np.inf).max(axis=axis)
        return lowest, mean, np.sqrt((off**2).sum(axis=axis) / count), highest
