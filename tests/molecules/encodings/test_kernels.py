"""Kernels against matrix exponentials, pseudo-inverses and walks, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.csgraph
from rdkit import Chem

from hooke.molecules.encodings.kernels import Kernels

SMILES = ["CC(C)CC", "C", "[Na+].[Cl-]", "CCO.c1ccccc1", "c1ccc2ccccc2c1", "C1CC1", "CC"]


def dense(smiles: str) -> np.ndarray:
    return Chem.GetAdjacencyMatrix(Chem.MolFromSmiles(smiles)).astype(np.float64)


def parts(adjacency: np.ndarray) -> list[np.ndarray]:
    count, labels = scipy.sparse.csgraph.connected_components(adjacency)
    return [np.flatnonzero(labels == k) for k in range(count)]


@pytest.mark.parametrize("smiles", SMILES)
def test_heat_is_the_matrix_exponential_less_what_stays_for_ever(smiles: str) -> None:
    adjacency = dense(smiles)
    laplacian = np.diag(adjacency.sum(axis=1)) - adjacency
    forever = np.zeros(len(adjacency))
    for atoms in parts(adjacency):
        forever[atoms] = 1 / len(atoms)
    found = Kernels.of(adjacency[None]).heat_diagonal(5)[0]
    for t in range(1, 6):
        np.testing.assert_allclose(found[:, t - 1], np.diag(scipy.linalg.expm(-t * laplacian)) - forever, atol=1e-12)


@pytest.mark.parametrize("smiles", SMILES)
def test_potential_and_resistance_agree_with_the_pseudo_inverse(smiles: str) -> None:
    adjacency = dense(smiles)
    degree = adjacency.sum(axis=1)
    inverse = np.linalg.pinv(np.diag(degree) - adjacency)
    kernels = Kernels.of(np.stack([adjacency] * 2))
    np.testing.assert_allclose(kernels.inverse()[1], inverse, atol=1e-12)
    electrostatic, commute = kernels.electrostatic()[1], kernels.commute()[1]
    for atoms in parts(adjacency):
        for v in atoms:
            arriving = [inverse[i, v] - inverse[v, v] for i in atoms]
            leaving = [inverse[v, j] - inverse[j, j] for j in atoms]
            near = [u for u in atoms if adjacency[u, v]]
            expected = [
                min(arriving), np.mean(arriving), np.std(arriving), min(leaving), np.std(leaving),
                sum((inverse[i, v] - inverse[v, v]) / degree[i] for i in near),
                sum((inverse[v, j] - inverse[j, j]) / degree[v] for j in near),
            ]  # fmt: skip
            np.testing.assert_allclose(electrostatic[v], expected, atol=1e-12)
            resistance = [inverse[v, v] + inverse[u, u] - 2 * inverse[v, u] for u in atoms]
            np.testing.assert_allclose(
                commute[v], [np.mean(resistance), np.std(resistance), max(resistance)], atol=1e-12
            )


def test_resistances_by_hand() -> None:
    path = Kernels.of(dense("CCC")[None]).commute()[0]
    np.testing.assert_allclose(path[0], [1, np.std([0, 1, 2]), 2])
    ring = Kernels.of(dense("C1CC1")[None]).commute()[0]  # 1 Ω beside 2 Ω
    np.testing.assert_allclose(ring[:, 2], 2 / 3)


def test_resistance_is_the_commute_time_over_the_volume() -> None:
    """Expected hitting times from the linear equations h = 1 + P h."""
    adjacency = dense("CC1CCC1O")
    walk = adjacency / adjacency.sum(axis=1, keepdims=True)
    size = len(adjacency)
    hitting = np.zeros((size, size))
    for target in range(size):
        others = [v for v in range(size) if v != target]
        hitting[others, target] = np.linalg.solve(np.eye(size - 1) - walk[np.ix_(others, others)], np.ones(size - 1))
    largest = (hitting + hitting.T).max(axis=1) / adjacency.sum()
    np.testing.assert_allclose(Kernels.of(adjacency[None]).commute()[0, :, 2], largest)
