"""Exchange and correlation energy on a grid, its matrix and its derivative by the nuclei, block of points by block of points.

    ρ = Σ D_ij φ_i φ_j,   E = Σ_g w_g e(ρ_g, |∇ρ_g|²),   V_ij = Σ_g w_g (e_ρ φ_i φ_j + 2 e_σ ∇ρ · ∇(φ_i φ_j))

The derivative leaves out that the grid moves with the nuclei, as quantum programs usually do.
"""

from __future__ import annotations

import numba
import numpy as np

from hooke.atoms.quantum.basis import Shells
from hooke.atoms.quantum.functionals import Functional, evaluate
from hooke.atoms.quantum.orbitals import BLOCK, Blocks


def exchange_correlation(functional: Functional, blocks: Blocks, density: np.ndarray) -> tuple[float, np.ndarray, float]:
    """Of one geometry.

    Args:
        functional: Without its exact exchange.
        blocks: Functions on the grid.
        density: (functions, functions), symmetric.

    Returns:
        Energy in hartree, matrix (functions, functions), and electrons on the grid.
    """
    density = np.ascontiguousarray(density, blocks.values.dtype)
    matrix = np.zeros(density.shape)
    energy, electrons = _energy_and_matrix(
        functional.code, blocks.weights, blocks.first, blocks.own, blocks.first_own, blocks.values, blocks.first_value, density, matrix
    )  # fmt: skip
    return energy, matrix + matrix.T, electrons


@numba.njit(cache=True, nogil=True)
def _energy_and_matrix(code, weights, first, own, first_own, values, first_value, density, matrix):  # type: ignore[no-untyped-def]
    energy, electrons = 0.0, 0.0
    rho = np.empty((4, 256), values.dtype)
    for block in range(len(first) - 1):
        count = first[block + 1] - first[block]
        number = first_own[block + 1] - first_own[block]
        if number == 0:
            continue
        functions = own[first_own[block] : first_own[block + 1]]
        phi = values[first_value[block] : first_value[block + 1]].reshape((4, number, count))
        inside = np.empty((number, number), values.dtype)
        for i in range(number):
            for j in range(number):
                inside[i, j] = density[functions[i], functions[j]]
        product = np.dot(inside, phi[0])
        rho[:] = 0.0
        for i in range(number):
            for g in range(count):
                c = product[i, g]
                rho[0, g] += c * phi[0, i, g]
                rho[1, g] += c * phi[1, i, g]
                rho[2, g] += c * phi[2, i, g]
                rho[3, g] += c * phi[3, i, g]
        for g in range(count):
            w = weights[first[block] + g]
            x, y, z = 2.0 * rho[1, g], 2.0 * rho[2, g], 2.0 * rho[3, g]
            e, by_rho, by_sigma = evaluate(code, np.float64(rho[0, g]), np.float64(x * x + y * y + z * z))
            energy += w * e
            electrons += w * rho[0, g]
            rho[0, g] = 0.5 * w * by_rho
            rho[1, g], rho[2, g], rho[3, g] = 2 * w * by_sigma * x, 2 * w * by_sigma * y, 2 * w * by_sigma * z
        for i in range(number):
            for g in range(count):
                product[i, g] = (
                    rho[0, g] * phi[0, i, g] + rho[1, g] * phi[1, i, g] + rho[2, g] * phi[2, i, g] + rho[3, g] * phi[3, i, g]
                )
        inside = np.dot(phi[0], product.T)
        for i in range(number):
            for j in range(number):
                matrix[functions[i], functions[j]] += inside[i, j]
    return energy, electrons
