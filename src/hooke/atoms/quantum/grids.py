"""Integration grids around atoms: radial shells of Lebedev points, and Becke's partition of space among the atoms.

    r = ξ / ln 2 · (1 + x)^0.6 · ln(2 / (1 - x)),   x = cos(i π / (n + 1))          shells (Treutler and Ahlrichs, M4, ξ by element)
    w_A(r) = P_A / Σ_B P_B,   P_A = Π_B ½ (1 - f(f(f(ν_AB)))),   f(ν) = ν (3 - ν²) / 2
    ν = μ + a (1 - μ²),   μ = (r_A - r_B) / R_AB,   a from the square roots of Bragg's radii

Levels 0 to 3 have the shells and the points on them of PySCF's, and fewer points on shells near the nucleus and far out ("pruning"), which is
what its default grids are.

Source: Treutler and Ahlrichs 1995 (doi:10.1063/1.469408), Becke 1988 (doi:10.1063/1.454033), Lebedev and Laikov 1999; sizes of the levels and
pruning as in PySCF 2.14 (Sun et al. 2020, doi:10.1063/5.0006074), there after NWChem.
"""

from __future__ import annotations

from functools import cache

import numba
import numpy as np

from hooke.core.units import factor

LEVELS = (0, 1, 2, 3)
MOST = 18  # argon
_SHELLS = ((10, 15, 20), (30, 40, 50), (40, 60, 65), (50, 75, 80))  # of each level and period
_DEGREES = ((11, 15, 17), (17, 23, 23), (23, 29, 29), (29, 29, 35))  # of the points on them
_POINTS = (
    (9, 38), (11, 50), (13, 74), (15, 86), (17, 110), (19, 146), (21, 170), (23, 194), (25, 230), (27, 266), (29, 302), (31, 350), (35, 434)
)  # degree, points  # fmt: skip
_INNER = (
    (0.25, 0.5, 1.0, 4.5),
    (0.1667, 0.5, 0.9, 3.5),
    (0.1, 0.4, 0.8, 2.5),
)  # bounds of five regions in Bragg radii, of each period
_XI = (0.8, 0.9, 1.8, 1.4, 1.3, 1.1, 0.9, 0.9, 0.9, 0.9, 1.4, 1.3, 1.3, 1.2, 1.1, 1.0, 1.0, 1.0)
_BRAGG = (0.35, 1.4, 1.45, 1.05, 0.85, 0.7, 0.65, 0.6, 0.5, 1.5, 1.8, 1.5, 1.25, 1.1, 1.0, 1.0, 1.0, 1.8)  # Å
_BLOCK = 128  # points that are partitioned together


def grid(numbers: np.ndarray, positions: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights around the atoms of one geometry.

    Args:
        numbers: (atoms,) atomic numbers, 1 to 18.
        positions: (atoms, 3) in bohr.
        level: 0 to 3.

    Returns:
        (points, 3) in bohr and (points,) in bohr³.
    """
    own = [atomic_grid(int(number), level) for number in numbers]
    owner = np.repeat(np.arange(len(own)), [len(weights) for _, weights in own])
    points = np.concatenate([around + at for (around, _), at in zip(own, positions, strict=True)])
    weights = np.concatenate([weights for _, weights in own])
    share = _becke(points, owner, np.ascontiguousarray(positions), _size_adjustment(numbers))
    return points, weights * share


@cache
def atomic_grid(number: int, level: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (points, 3) and weights (points,) around an atom at the origin that has space to itself.

    Raises:
        ValueError: No grid is known for the element or level.
    """
    from scipy.integrate import lebedev_rule

    if not 1 <= number <= MOST or level not in LEVELS:
        raise ValueError(f"no grid of level {level} for atomic number {number}")
    period = (number > 2) + (number > 10)
    radii, steps = _radial(_SHELLS[level][period], _XI[number - 1])
    degree = _DEGREES[level][period]
    degrees = [each for each, _ in _POINTS]
    place = degrees.index(degree)
    regions = (11, 13, 13, 13, 11) if degree == 11 else (11, 15, degrees[place - 1], degree, degrees[place - 1])
    bragg = _BRAGG[number - 1] * factor("angstrom", "bohr")
    region = ((radii / bragg)[:, None] > np.array(_INNER[period])).sum(1)
    points, weights = [], []
    for shell, radius, step in zip(region, radii, steps, strict=True):
        around, share = lebedev_rule(regions[shell])
        points.append(radius * around.T)
        weights.append(radius**2 * step * share)
    return np.concatenate(points), np.concatenate(weights)


def _radial(count: int, xi: float) -> tuple[np.ndarray, np.ndarray]:
    """Radii and the steps between them, from the nucleus outwards."""
    angle = np.arange(count, 0, -1) * np.pi / (count + 1)
    x = np.cos(angle)
    power, log = (1 + x) ** 0.6, np.log((1 - x) / 2)
    scale = xi / np.log(2)
    return -scale * power * log, np.pi / (count + 1) * np.sin(angle) * scale * power * (
        1 / (1 - x) - 0.6 * log / (1 + x)
    )


def _size_adjustment(numbers: np.ndarray) -> np.ndarray:
    """(atoms, atoms) a of Becke's partition."""
    root = np.sqrt(np.array(_BRAGG)[np.asarray(numbers, np.int64) - 1])
    ratio = root[:, None] / root
    return np.clip((ratio.T - ratio) / 4, -0.5, 0.5)


@numba.njit(cache=True, nogil=True)
def _becke(points, owner, positions, adjustment):  # type: ignore[no-untyped-def]
    """(points,) share of each point that belongs to its own atom."""
    atoms = len(positions)
    share = np.empty(len(points))
    distance, product = np.empty((atoms, _BLOCK)), np.empty((atoms, _BLOCK))
    inverse = np.zeros((atoms, atoms))
    for i in range(atoms):
        for j in range(i):
            inverse[i, j] = 1 / np.sqrt(((positions[i] - positions[j]) ** 2).sum())
    for start in range(0, len(points), _BLOCK):
        count = min(_BLOCK, len(points) - start)
        for i in range(atoms):
            x, y, z = positions[i]
            for g in range(count):
                point = points[start + g]
                distance[i, g] = np.sqrt((point[0] - x) ** 2 + (point[1] - y) ** 2 + (point[2] - z) ** 2)
                product[i, g] = 1.0
        for i in range(atoms):
            for j in range(i):
                apart, a = inverse[i, j], adjustment[i, j]
                for g in range(count):
                    mu = (distance[i, g] - distance[j, g]) * apart
                    nu = mu + a * (1 - mu * mu)
                    nu = 0.5 * nu * (3 - nu * nu)
                    nu = 0.5 * nu * (3 - nu * nu)
                    nu = 0.5 * nu * (3 - nu * nu)
                    product[i, g] *= 0.5 * (1 - nu)
                    product[j, g] *= 0.5 * (1 + nu)
        for g in range(count):
            total = 0.0
            for i in range(atoms):
                total += product[i, g]
            share[start + g] = product[owner[start + g], g] / total
    return share
