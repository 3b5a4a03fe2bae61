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


def exchange_correlation(
    functional: Functional, blocks: Blocks, density: np.ndarray
) -> tuple[float, np.ndarray, float]:
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
    rho = np.empty((4, BLOCK), values.dtype)
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
                    rho[0, g] * phi[0, i, g]
                    + rho[1, g] * phi[1, i, g]
                    + rho[2, g] * phi[2, i, g]
                    + rho[3, g] * phi[3, i, g]
                )
        inside = np.dot(phi[0], product.T)
        for i in range(number):
            for j in range(number):
                matrix[functions[i], functions[j]] += inside[i, j]
    return energy, electrons


def exchange_correlation_gradient(
    functional: Functional, blocks: Blocks, shells: Shells, positions: np.ndarray, density: np.ndarray
) -> np.ndarray:
    """(atoms, 3) derivative of the energy by the nuclei in hartree/bohr, of one geometry with s and p shells.

    Args:
        functional: Without its exact exchange.
        blocks: Functions on the grid, in float64.
        shells: Of the molecule.
        positions: (atoms, 3) in bohr.
        density: (functions, functions), symmetric.
    """
    gradient = np.zeros((len(shells.numbers), 3))
    _gradient(
        functional.code, blocks.points, blocks.weights, blocks.first, blocks.own, blocks.first_own, blocks.values, blocks.first_value,
        np.ascontiguousarray(density), np.ascontiguousarray(positions), shells.atom, shells.kind, shells.first, shells.lengths,
        shells.exponents, shells.s, shells.p, gradient,
    )  # fmt: skip
    return gradient


@numba.njit(cache=True, nogil=True)
def _gradient(  # type: ignore[no-untyped-def]
    code,
    points,
    weights,
    first,
    own,
    first_own,
    values,
    first_value,
    density,
    positions,
    atom,
    kind,
    start,
    lengths,
    exponents,
    s,
    p,
    gradient,
):
    shell_of = np.empty(density.shape[0], np.int64)
    for shell in range(len(atom)):
        shell_of[start[shell] : start[shell] + 1 + 3 * kind[shell]] = shell
    rho = np.empty((4, BLOCK))
    second = np.empty((4, 6))  # of s, x, y, z: along xx, xy, xz, yy, yz, zz
    for block in range(len(first) - 1):
        count = first[block + 1] - first[block]
        number = first_own[block + 1] - first_own[block]
        if number == 0:
            continue
        functions = own[first_own[block] : first_own[block + 1]]
        phi = values[first_value[block] : first_value[block + 1]].reshape((4, number, count))
        inside = np.empty((number, number))
        for i in range(number):
            for j in range(number):
                inside[i, j] = density[functions[i], functions[j]]
        product = np.dot(inside, phi[0])
        rho[:] = 0.0
        for i in range(number):
            for axis in range(4):
                for g in range(count):
                    rho[axis, g] += product[i, g] * phi[axis, i, g]
        for g in range(count):
            w = weights[first[block] + g]
            x, y, z = 2.0 * rho[1, g], 2.0 * rho[2, g], 2.0 * rho[3, g]
            _, by_rho, by_sigma = evaluate(code, rho[0, g], x * x + y * y + z * z)
            rho[0, g] = w * by_rho
            rho[1, g], rho[2, g], rho[3, g] = 2 * w * by_sigma * x, 2 * w * by_sigma * y, 2 * w * by_sigma * z
        along = np.empty((number, count))
        for i in range(number):
            for g in range(count):
                along[i, g] = rho[1, g] * phi[1, i, g] + rho[2, g] * phi[2, i, g] + rho[3, g] * phi[3, i, g]
        along = np.dot(inside, along)
        for i in range(number):
            owner = atom[shell_of[functions[i]]]
            for axis in range(3):
                total = 0.0
                for g in range(count):
                    total += phi[axis + 1, i, g] * (rho[0, g] * product[i, g] + along[i, g])
                gradient[owner, axis] -= 2 * total
        row = 0
        while row < number:
            shell = shell_of[functions[row]]
            place = positions[atom[shell]]
            for g in range(count):
                point = points[first[block] + g]
                x, y, z = point[0] - place[0], point[1] - place[1], point[2] - place[2]
                _second_derivatives(x, y, z, lengths[shell], exponents[shell], s[shell], p[shell], kind[shell], second)
                b_x, b_y, b_z = rho[1, g], rho[2, g], rho[3, g]
                for function in range(1 + 3 * kind[shell]):
                    c = 2 * product[row + function, g]
                    d = second[function]
                    gradient[atom[shell], 0] -= c * (b_x * d[0] + b_y * d[1] + b_z * d[2])
                    gradient[atom[shell], 1] -= c * (b_x * d[1] + b_y * d[3] + b_z * d[4])
                    gradient[atom[shell], 2] -= c * (b_x * d[2] + b_y * d[4] + b_z * d[5])
            row += 1 + 3 * kind[shell]


@numba.njit(cache=True, nogil=True)
def _second_derivatives(x, y, z, length, exponents, s, p, kind, out):  # type: ignore[no-untyped-def]
    """Of f(r²): f' and f'' give ∂_i ∂_j f = 2 f' δ_ij + 4 f'' r_i r_j, and a p function is a coordinate times such an f."""
    square = x * x + y * y + z * z
    one_s, two_s, one_p, two_p = 0.0, 0.0, 0.0, 0.0
    for k in range(length):
        a = exponents[k]
        if a * square > 60.0:
            continue
        e = np.exp(-a * square)
        one_s -= 2 * a * s[k] * e
        two_s += 4 * a * a * s[k] * e
        one_p -= 2 * a * p[k] * e
        two_p += 4 * a * a * p[k] * e
    out[0, 0], out[0, 3], out[0, 5] = one_s + two_s * x * x, one_s + two_s * y * y, one_s + two_s * z * z
    out[0, 1], out[0, 2], out[0, 4] = two_s * x * y, two_s * x * z, two_s * y * z
    if kind == 0:
        return
    xyz = two_p * x * y * z
    xx, yy, zz = one_p + two_p * x * x, one_p + two_p * y * y, one_p + two_p * z * z
    out[1, 0], out[1, 1], out[1, 2] = x * (xx + 2 * one_p), y * xx, z * xx
    out[1, 3], out[1, 4], out[1, 5] = x * yy, xyz, x * zz
    out[2, 0], out[2, 1], out[2, 2] = y * xx, x * yy, xyz
    out[2, 3], out[2, 4], out[2, 5] = y * (yy + 2 * one_p), z * yy, y * zz
    out[3, 0], out[3, 1], out[3, 2] = z * xx, xyz, x * zz
    out[3, 3], out[3, 4], out[3, 5] = z * yy, y * zz, z * (zz + 2 * one_p)
