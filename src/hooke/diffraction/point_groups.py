"""Point groups of particles, and volumes averaged over them: Friedel's law, C, D, T, O and I.

A symmetrised volume is the orthogonal projection onto volumes that have the symmetry, so that doing it twice changes nothing. Where all
rotations map voxels onto voxels that is the mean over the group. Elsewhere a symmetric volume is what a part of it, interpolated, says
everywhere: W(v) = Σ a(p(v)) c, p(v) the image of v that lies farthest along a fixed direction, and c is found by least squares.

Axes: C and D along z (D: a twofold axis along x); T and O along x, y and z; I with twofold axes along x, y and z and a fivefold one
along (0, 1, φ).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.ndimage import map_coordinates
from scipy.sparse.linalg import lsqr
from scipy.spatial.transform import Rotation

from hooke.core.errors import UsageError
from hooke.diffraction.resolution import intensity_shell_correlation
from hooke.diffraction.rotations import rotation_matrices, sample_rotations

_DIRECTION = np.array([0.8370, 0.4463, 0.3167])  # of the part that stands for all: along no axis of any group
_GRID = 1e-9
_LARGEST_ORDER = 60
_POINTS, _BEST, _STEPS = 400, 8, 6  # of the search for axes


def group_rotations(name: str) -> np.ndarray:
    """(order, 3, 3) rotations of a point group: "C3", "D5", "T", "O", "I"; the identity first.

    Raises:
        UsageError: There is no such group.
    """
    match = re.fullmatch(r"([CD])(\d{1,2})|([TOI])", name.strip().upper())
    if match is None or (match[2] and not 1 <= int(match[2]) <= _LARGEST_ORDER):
        raise UsageError(f"there is no point group {name!r}: C1 to C{_LARGEST_ORDER}, D1 to D{_LARGEST_ORDER}, T, O, I")
    return _closure(_generators(match[1] or match[3], int(match[2] or 0)))


def _generators(kind: str, order: int) -> list[np.ndarray]:
    def turn(axis: Sequence[float], count: int) -> np.ndarray:
        direction = np.array(axis, float)
        return Rotation.from_rotvec(direction / np.linalg.norm(direction) * 2 * np.pi / count).as_matrix()

    if kind in "CD":
        return [turn((0, 0, 1), order), *([turn((1, 0, 0), 2)] if kind == "D" else [])]
    first = {"T": turn((0, 0, 1), 2), "O": turn((0, 0, 1), 4), "I": turn((0, 1, (1 + np.sqrt(5)) / 2), 5)}[kind]
    return [first, turn((1, 1, 1), 3)]


def _closure(generators: Sequence[np.ndarray]) -> np.ndarray:
    found = [np.eye(3)]
    for each in found:  # grows
        for generator in generators:
            product = generator @ each
            if not any(np.allclose(product, other, atol=1e-6) for other in found):
                found.append(product)
    matrices = np.array(found)
    whole = np.rint(matrices)
    return np.where(np.abs(matrices - whole) < _GRID, whole, matrices)


def symmetrised(
    volume: np.ndarray, rotations: np.ndarray, *, friedel: bool = True, weights: np.ndarray | None = None
) -> np.ndarray:
    """The nearest volume that has a symmetry, within the inscribed sphere; corners have Friedel's symmetry alone.

    Args:
        volume: (side, side, side), side odd, q = 0 in the middle; finite.
        rotations: (order, 3, 3), a group; see `group_rotations`.
        friedel: I(−q) = I(q) too.
        weights: Of each voxel in the distance: how often it was measured.

    Raises:
        UsageError: The volume is no cube with an odd side, or not finite.
    """
    side = volume.shape[0]
    if volume.shape != (side,) * 3 or side % 2 == 0 or not np.isfinite(volume).all():
        raise UsageError(f"symmetries need a finite cube with an odd side, got the shape {volume.shape}")
    weight = np.ones(volume.shape) if weights is None else np.asarray(weights, float)
    images = np.concatenate([rotations, -rotations]) if friedel else rotations
    result = _averaged(volume, weight, np.array([np.eye(3), -np.eye(3)])) if friedel else volume.astype(float)
    if np.allclose(rotations, np.rint(rotations), atol=_GRID):
        return _averaged(volume, weight, np.rint(images))
    half = side // 2
    grid = np.stack(np.meshgrid(*[np.arange(-half, half + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = np.flatnonzero((grid**2).sum(axis=1) <= half**2)
    root = np.sqrt(weight.ravel()[inside])
    operator = _interpolation(_representatives(grid[inside], images), side)
    scaled = sparse.diags(root) @ operator
    coefficients = lsqr(scaled, root * volume.ravel()[inside], atol=1e-13, btol=1e-13, iter_lim=2000)[0]
    flat = result.ravel()
    flat[inside] = operator @ coefficients
    return flat.reshape(volume.shape)


class SymmetricMerge:
    """Counts N and exposures E merged into a model that has a symmetry: W = A c, one number c for all images of a place.

        c = AᵀN / AᵀE, then once c ← c · Aᵀ(N / W) / AᵀE

    A reads of each voxel its image that lies farthest along a fixed direction. The step is that of Richardson and Lucy, which never makes
    Σ N log W − E W fall; more of them sharpen noise. Where images of voxels are voxels, A is 0 or 1 and the first c is the maximum: counts
    and exposures summed over the group.

    Args:
        rotations: (order, 3, 3), a group; see `group_rotations`.
        side: Voxels of an edge, odd.

    Source: Richardson, J. Opt. Soc. Am. 62, 55 (1972); Lucy, Astron. J. 79, 745 (1974).
    """

    def __init__(self, rotations: np.ndarray, side: int) -> None:
        half = side // 2
        grid = np.stack(np.meshgrid(*[np.arange(-half, half + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        self._inside = np.flatnonzero((grid**2).sum(axis=1) <= half**2)
        images = np.concatenate([rotations, -rotations])
        self._operator = _interpolation(_representatives(grid[self._inside], images), side)

    def __call__(self, counts: np.ndarray, exposures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Counts and exposures, (side, side, side), whose quotient has the symmetry; corners have Friedel's symmetry alone.

        Args:
            counts, exposures: (side, side, side), 0 where no pixel fell.
        """
        merged = [np.asarray(each + each[::-1, ::-1, ::-1], np.float64).ravel() for each in (counts, exposures)]
        above, below = (each[self._inside] for each in merged)
        a, back = self._operator, self._operator.T
        lit = back @ below
        seen = lit > 0
        reached = a @ seen.astype(float)  # share of a place that lies among places that were seen
        known = reached > 0
        scale = np.divide(1.0, reached, out=np.zeros_like(reached), where=known)
        values = np.divide(back @ above, lit, out=np.zeros_like(lit), where=seen)
        model = a @ values
        ratio = np.divide(above, model, out=np.zeros_like(above), where=model > 0)
        values = values * np.divide(back @ ratio, lit, out=np.zeros_like(lit), where=seen)
        light = (a @ lit) * scale
        merged[0][self._inside], merged[1][self._inside] = (a @ values) * scale * light, light
        return merged[0].reshape(counts.shape), merged[1].reshape(counts.shape)


def _averaged(volume: np.ndarray, weight: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Mean over images that map voxels onto voxels."""
    side = volume.shape[0]
    index = np.indices(volume.shape).reshape(3, -1) - side // 2
    above, below = np.zeros(volume.size), np.zeros(volume.size)
    for image in images:
        place = np.ravel_multi_index(tuple((image @ index).round().astype(int) + side // 2), volume.shape)
        above += (volume * weight).ravel()[place]
        below += weight.ravel()[place]
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0).reshape(volume.shape)


def _representatives(points: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Of each point the image farthest along a direction."""
    farthest = np.argmax(points @ (images.transpose(0, 2, 1) @ _DIRECTION).T, axis=1)
    return np.einsum("pij,pj->pi", images[farthest], points)


def _interpolation(points: np.ndarray, side: int) -> sparse.csr_matrix:
    """Trilinear interpolation of the voxels that points need; columns are these voxels."""
    half = side // 2
    low = np.clip(np.floor(points).astype(int), -half, half - 1)
    part = points - low
    columns, values = [], []
    for corner in np.ndindex(2, 2, 2):
        columns.append(np.ravel_multi_index(tuple((low + corner + half).T), (side,) * 3))
        values.append(np.prod(np.where(np.array(corner) == 1, part, 1 - part), axis=1))
    needed, place = np.unique(np.concatenate(columns), return_inverse=True)
    rows = np.tile(np.arange(len(points)), 8)
    return sparse.csr_matrix((np.concatenate(values), (rows, place)), (len(points), len(needed)))


@dataclass(frozen=True)
class SymmetryCheck:
    """What independent halves say of a symmetry.

    Attributes:
        plain: By shell: correlation of the two halves.
        crossed: Of one half, symmetrised, with the other as it is, mean of both ways.
        gain: Mean of their difference over the shells that count.
        expected: The gain of a true symmetry, whose averaging divides noise by the order m: r / √(r + (1 − r) / m) − r, r the plain correlation.
    """

    plain: np.ndarray
    crossed: np.ndarray
    gain: float
    expected: float

    @property
    def warning(self) -> str:
        """Why not to believe the symmetry; "" where the halves support it."""
        if self.gain >= self.expected / 2:
            return ""
        return (
            f"the halves do not support the symmetry: averaging changes their correlation by {self.gain:+.3f} a shell, "
            f"a true symmetry would by {self.expected:+.3f}"
        )


def check_symmetry(
    first: np.ndarray, second: np.ndarray, rotations: np.ndarray, *, inner: int = 2, weights: tuple[np.ndarray, np.ndarray] | None = None
) -> SymmetryCheck:  # fmt: skip
    """Whether two volumes from disjoint frames support a symmetry: averaging over a true one removes noise alone, over a wrong one signal.

    Args:
        first, second: Intensities of the halves, in the same orientation.
        rotations: The group, turned as the volumes are.
        inner: The first shell that counts.
        weights: Of the voxels of each half.
    """
    given = weights or (np.ones(first.shape), np.ones(second.shape))
    plain = intensity_shell_correlation(first, second)
    crossed = np.mean(
        [
            intensity_shell_correlation(symmetrised(one, rotations, weights=weight), other)
            for one, weight, other in ((first, given[0], second), (second, given[1], first))
        ],
        axis=0,
    )
    r = np.clip(plain, 0, 1)
    expected = np.divide(r, np.sqrt(r + (1 - r) / len(rotations))) - r
    return SymmetryCheck(
        plain, crossed, float(np.nanmean((crossed - plain)[inner:])), float(np.nanmean(expected[inner:]))
    )


def find_axes(volume: np.ndarray, name: str, *, inner: float, outer: float, n: int = 4) -> tuple[np.ndarray, float]:
    """How a group lies in a volume.

    Args:
        volume: Intensities, q = 0 in the middle.
        name: See `group_rotations`.
        inner, outer: Radii in voxels between which the volume is compared with itself.
        n: Fineness of the rotations that are tried; the best are refined.

    Returns:
        (3, 3) R, so that the rotations R g Rᵀ leave the volume most alike; and the mean correlation of log I with its turned copies.
    """
    rng = np.random.default_rng(0)
    points = rng.normal(size=(_POINTS, 3))
    points *= (rng.uniform(inner**3, outer**3, _POINTS) ** (1 / 3) / np.linalg.norm(points, axis=1))[:, None]
    positive = np.maximum(volume, 0)
    logs = np.log(positive + 1e-3 * positive.mean())
    logs = logs - logs.mean()
    match = re.fullmatch(r"([CD])(\d{1,2})|([TOI])", name.strip().upper())
    group_rotations(name)  # refuses an unknown one
    assert match is not None
    generators = np.array(_generators(match[1] or match[3], int(match[2] or 0)))
    radius = np.linalg.norm(points, axis=1)
    shells = np.minimum(((radius - inner) / max(outer - inner, 1e-9) * 6).astype(int), 5)

    def standing(values: np.ndarray) -> np.ndarray:
        """Values without what depends on |q| alone."""
        count = np.bincount(shells, minlength=6)
        mean = np.stack([np.bincount(shells, row, 6) for row in values.reshape(-1, _POINTS)]) / np.maximum(count, 1)
        return values.reshape(-1, _POINTS) - mean[:, shells]

    own = standing(_read(logs, points))

    def scores(frames: np.ndarray) -> np.ndarray:
        total = np.zeros(len(frames))
        for generator in generators:
            turned = frames @ generator @ frames.transpose(0, 2, 1)
            other = standing(_read(logs, np.einsum("rij,pj->rpi", turned, points)))
            norm = np.sqrt((other**2).sum(axis=1) * (own**2).sum())
            total += (other * own).sum(axis=1) / np.maximum(norm, 1e-300)
        return total / len(generators)

    frames = rotation_matrices(sample_rotations(n).quaternions)
    values = np.concatenate([scores(frames[start : start + 256]) for start in range(0, len(frames), 256)])
    best = frames[np.argsort(-values)[:_BEST]]
    width = 0.6 / n
    for _ in range(_STEPS):
        near = Rotation.from_rotvec(rng.normal(size=(24, 3)) * width).as_matrix()
        tried = np.concatenate([best, (near[None] @ best[:, None]).reshape(-1, 3, 3)])
        best = tried[np.argsort(-scores(tried))[:_BEST]]
        width /= 2
    return best[0], float(scores(best[:1])[0])


def _read(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    return map_coordinates(values, np.moveaxis(points, -1, 0) + values.shape[0] // 2, order=1, mode="nearest")
