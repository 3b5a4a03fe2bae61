"""Rotations as unit quaternions, scalar first, and a nearly even sampling of all of them: the refined 600-cell.

    R(q) v = q v q*,   R(p q) = R(p) R(q),   q and -q are one rotation

Each of the 600 flat tetrahedra is divided by n and its points are put onto the sphere. A point's weight is the share of the sphere around
it: its share of flat cell(s), over |p|⁴ of the flat point p. The 120 vertices are a group; the sampling is the same after multiplication by
any of them from the left. Twelve of its 60 rotations permute the axes of a volume, so that rotations come in orbits of `ORBIT` here:

    quaternions[12 k + g] = TETRAHEDRAL[g] * base[k]

and whoever reads a volume at rotated points computes positions for the first of each orbit alone.

Source: Loh & Elser, Phys. Rev. E 80, 026705 (2009), appendix C (the sampling); Coxeter, Regular Polytopes (the 600-cell).
Differs from the paper: weights stand for all kinds of points (vertex, edge, face, cell).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from scipy.spatial import cKDTree

from hooke.core.errors import UsageError

SPACING = 0.91  # radians times n: what "within so many spacings" counts in
_GOLDEN = (1 + 5**0.5) / 2
_VERTEX_SHARE = (
    20 * (3 * np.arccos(1 / 3) - np.pi) / (4 * np.pi)
)  # of a regular tetrahedron's corner, 20 cells a vertex
_EDGE_SHARE = 5 * np.arccos(1 / 3) / (2 * np.pi)  # of its dihedral angle, 5 cells an edge


@dataclass(frozen=True)
class Rotations:
    """Rotations with their shares of all rotations.

    Attributes:
        quaternions: (R, 4) float64, unit, scalar first; one of each antipodal pair.
        weights: (R,) float64, sum 1.
        orbit: (G, 4) quaternions of signed permutations of axes, so that `quaternions` are orbits: rows G k ... G k + G - 1 are
            orbit * base[k], up to sign. The identity alone where there are none.
        spacing: Radians between neighbours, roughly.
    """

    quaternions: np.ndarray
    weights: np.ndarray
    orbit: np.ndarray
    spacing: float

    def __len__(self) -> int:
        return len(self.quaternions)

    @property
    def base(self) -> np.ndarray:
        """(R / G, 4) the first of each orbit; the first of `orbit` is the identity."""
        return self.quaternions[:: len(self.orbit)]

    def neighbours(self, quaternions: np.ndarray, radius: float) -> list[np.ndarray]:
        """For each quaternion the places of the rotations within an angle.

        Args:
            quaternions: (F, 4) unit.
            radius: Radians of rotation.
        """
        tree = cKDTree(np.concatenate([self.quaternions, -self.quaternions]))
        chord = 2 * np.sin(min(radius, np.pi) / 4)
        return [np.unique(np.asarray(each, int) % len(self)) for each in tree.query_ball_point(quaternions, chord)]


def rotation_count(n: int) -> int:
    """Rotations of `sample_rotations`: 10 (5 n³ + n)."""
    return 10 * (5 * n**3 + n)


def sample_rotations(n: int) -> Rotations:
    """The 600-cell divided by n: 10 (5 n³ + n) rotations, ~0.91 / n rad apart.

    Raises:
        UsageError: n is below 1.
    """
    if n < 1:
        raise UsageError(f"rotations are sampled by a whole number n of 1 or more, got {n}")
    points, shares = _fundamental(n)
    length = np.linalg.norm(points, axis=1)
    group = _vertices()
    cosets = _cosets(group)
    base = multiply(cosets[None], (points / length[:, None])[:, None]).reshape(-1, 4)
    quaternions = _one_of_pair(multiply(TETRAHEDRAL[None], base[:, None]).reshape(-1, 4))
    weights = np.repeat(shares / length**4, len(cosets) * len(TETRAHEDRAL))
    return Rotations(quaternions, weights / weights.sum(), TETRAHEDRAL, SPACING / n)


def in_plane_rotations(count: int) -> Rotations:
    """Rotations about the beam alone, evenly spaced: for particles that lie flat (2D)."""
    if count < 1:
        raise UsageError(f"there must be 1 rotation in the plane or more, got {count}")
    half = np.pi * np.arange(count) / count
    quaternions = np.stack([np.cos(half), 0 * half, 0 * half, np.sin(half)], 1)
    return Rotations(quaternions, np.full(count, 1 / count), IDENTITY[None], 2 * np.pi / count)


def random_rotations(count: int, seed: int = 0) -> np.ndarray:
    """(count, 4) quaternions, uniform over all rotations."""
    drawn = np.random.default_rng(seed).standard_normal((count, 4))
    return _one_of_pair(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def rotation_matrices(quaternions: np.ndarray) -> np.ndarray:
    """(..., 4) unit quaternions as (..., 3, 3) float64 matrices."""
    w, x, y, z = np.moveaxis(np.asarray(quaternions, float), -1, 0)
    rows = [
        [w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def multiply(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(..., 4) product of quaternions: R(first second) = R(first) R(second)."""
    a, b, c, d = np.moveaxis(np.asarray(first, float), -1, 0)
    w, x, y, z = np.moveaxis(np.asarray(second, float), -1, 0)
    return np.stack(
        [
            a * w - b * x - c * y - d * z,
            a * x + b * w + c * z - d * y,
            a * y - b * z + c * w + d * x,
            a * z + b * y - c * x + d * w,
        ],
        -1,
    )


def inverse(quaternions: np.ndarray) -> np.ndarray:
    """(..., 4) inverses of unit quaternions."""
    return np.asarray(quaternions, float) * np.array([1.0, -1, -1, -1])


def angle_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(...) angle in radians, 0 to π, of the rotation that leads from one to the other; exact for small ones too."""
    chord = np.minimum(np.linalg.norm(first - second, axis=-1), np.linalg.norm(first + second, axis=-1))
    return 4 * np.arcsin(np.minimum(chord / 2, 1))


def mean_rotation(quaternions: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(4,) the rotation nearest to all of (F, 4): the eigenvector of Σ w q qᵀ with the largest eigenvalue.

    Source: Markley et al., J. Guidance 30, 1193 (2007).
    """
    weighted = quaternions if weights is None else quaternions * weights[:, None]
    return _one_of_pair(np.linalg.eigh(weighted.T @ quaternions)[1][:, -1])


def _one_of_pair(quaternions: np.ndarray) -> np.ndarray:
    """The one of q and -q whose first part that is not zero is positive."""
    first = np.argmax(np.abs(quaternions) > 1e-9, axis=-1)
    sign = np.sign(np.take_along_axis(quaternions, first[..., None], -1))
    return quaternions * sign


def _vertices() -> np.ndarray:
    """(120, 4) vertices of the 600-cell, a group; the identity first, then the other 23 that have no irrational part."""
    units = [sign * np.eye(4)[axis] for axis in range(4) for sign in (1, -1)]
    halves = [np.array(signs) / 2 for signs in product((1.0, -1.0), repeat=4)]
    golden = np.array([_GOLDEN, 1, 1 / _GOLDEN, 0]) / 2
    even = [
        order
        for order in product(range(4), repeat=4)
        if len(set(order)) == 4 and sum(order[i] > order[j] for i, j in combinations(range(4), 2)) % 2 == 0
    ]
    rest = []
    for signs in product((1, -1), repeat=3):
        signed = golden * np.array([*signs, 1])
        rest += [signed[list(order)] for order in even]
    return np.array(units + halves + rest)


IDENTITY = np.array([1.0, 0, 0, 0])
TETRAHEDRAL = np.array(
    [each for each in _vertices()[:24] if each[np.argmax(each != 0)] > 0]
)  # (12, 4): rotations of the tetrahedron, signed permutations of axes


def _cosets(group: np.ndarray) -> np.ndarray:
    """(5, 4) of the group, so that TETRAHEDRAL * these are its 60 rotations."""
    chosen = [IDENTITY]
    for candidate in group:
        products = multiply(TETRAHEDRAL[:, None], np.array(chosen)[None]).reshape(-1, 4)
        if np.abs(products @ candidate).max() < 1 - 1e-9:
            chosen.append(candidate)
    return np.array(chosen)


def _fundamental(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Flat points (not on the sphere) and shares of cells: one of each orbit under the group of vertices."""
    group = _vertices()
    near = group[np.abs(group @ IDENTITY - _GOLDEN / 2) < 1e-9]  # the 12 neighbours of the identity
    touching = np.abs(near @ near.T - _GOLDEN / 2) < 1e-9
    points, shares = [IDENTITY[None]], [np.array([_VERTEX_SHARE])]
    for corners, share in ((2, _EDGE_SHARE), (3, 1.0), (4, 1.0)):
        inner = [each for each in product(range(1, n), repeat=corners) if sum(each) == n]
        if not inner:
            continue
        known: set[tuple[int, ...]] = set()
        for others in combinations(range(len(near)), corners - 1):
            if not all(touching[i, j] for i, j in combinations(others, 2)):
                continue
            simplex = np.concatenate([IDENTITY[None], near[list(others)]])
            orbit = _orbit_name(simplex, group)
            if orbit not in known:
                known.add(orbit)
                points.append(np.array(inner) @ simplex / n)
                shares.append(np.full(len(inner), share))
    return np.concatenate(points), np.concatenate(shares)


def _orbit_name(simplex: np.ndarray, group: np.ndarray) -> tuple[int, ...]:
    """The same for simplices that the group maps onto each other: places of its vertices with each in turn at the identity."""
    moved = [multiply(inverse(corner), simplex) for corner in simplex]
    return min(tuple(sorted(np.argmax(each @ group.T, axis=1).tolist())) for each in moved)
