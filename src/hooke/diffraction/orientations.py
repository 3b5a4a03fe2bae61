"""Orientations compared: up to one rotation of all, up to near-symmetries of the particle, and up to half a turn about the beam.

A reconstruction has its own axes: found_d = G S truth_d, with one G for all frames and, of each frame, one of the rotations S that leave the
particle's intensity nearly as it is. A flat detector cannot tell truth_d from truth_d after half a turn about the beam (Friedel's law);
a curved one tells with enough photons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from hooke.diffraction.rotations import (
    IDENTITY,
    Rotations,
    angle_between,
    inverse,
    mean_rotation,
    multiply,
    random_rotations,
    rotation_matrices,
    sample_rotations,
)

HALF_TURN = np.array([0.0, 0.0, 0.0, 1.0])  # about the beam
_CANDIDATES, _POINTS, _SHARPER = 256, 1500, 4
_NEAR = 0.25  # of how far the median rotation is from leaving the intensity as it is


@dataclass(frozen=True)
class Agreement:
    """Two sets of orientations of the same frames.

    Attributes:
        common: (4,) the rotation G from the second to the first.
        errors: (frames,) radians left after G.
        symmetric: (frames,) radians left after G and the best near-symmetry.
        flipped: (frames,) radians left after G, the best near-symmetry, and half a turn about the beam where that is nearer.
    """

    common: np.ndarray
    errors: np.ndarray
    symmetric: np.ndarray
    flipped: np.ndarray


def agreement(
    found: np.ndarray, truth: np.ndarray, radius: float, symmetries: np.ndarray = IDENTITY[None]
) -> Agreement:
    """Compare orientations of the same frames.

    Args:
        found, truth: (frames, 4) quaternions.
        radius: Radians within which a frame speaks for a common rotation.
        symmetries: (S, 4) the near-symmetries of the particle, in the frame of `truth`; the identity among them.
    """
    relative = multiply(
        found[:, None], inverse(multiply(symmetries[None], truth[:, None]))
    )  # (frames, S, 4): G by each
    some = relative[:: max(1, len(relative) // _CANDIDATES), 0]
    votes = [(angle_between(relative, each).min(axis=1) < radius).sum() for each in some]
    common = some[int(np.argmax(votes))]
    for _ in range(_SHARPER):
        away = angle_between(relative, common)
        nearest = relative[np.arange(len(relative)), away.argmin(axis=1)]
        close = away.min(axis=1) < radius
        common = mean_rotation(nearest[close]) if close.any() else common
    errors = angle_between(relative, common)
    turned = multiply(found[:, None], inverse(multiply(symmetries[None], multiply(truth, HALF_TURN)[:, None])))
    symmetric = errors.min(axis=1)
    flipped = np.minimum(symmetric, angle_between(turned, common).min(axis=1))
    return Agreement(common, errors[:, 0], symmetric, flipped)


def self_correlations(
    values: np.ndarray, rotations: Rotations, inner: float, outer: float, seed: int = 0
) -> np.ndarray:
    """(R,) correlation of a volume with itself after each rotation, over points between two radii.

    Args:
        values: (side, side, side).
        rotations: Which.
        inner, outer: Voxels from the centre.
        seed: Of the points.
    """
    generator = np.random.default_rng(seed)
    directions = generator.standard_normal((_POINTS, 3))
    radius = generator.uniform(inner**3, outer**3, _POINTS) ** (1 / 3)
    points = directions / np.linalg.norm(directions, axis=1, keepdims=True) * radius[:, None]
    fixed = _read(values, points)
    fixed = (fixed - fixed.mean()) / fixed.std()
    found = []
    for matrices in np.array_split(rotation_matrices(rotations.quaternions), max(1, len(rotations) // 500)):
        moved = _read(values, np.einsum("rij,tj->rti", matrices, points))
        moved = moved - moved.mean(axis=1, keepdims=True)
        found.append((moved * fixed).mean(axis=1) / moved.std(axis=1))
    return np.concatenate(found)


def near_symmetries(log_values: np.ndarray, inner: float, outer: float, n: int = 4) -> list[tuple[np.ndarray, float]]:
    """Rotations other than the identity that leave an intensity nearly as it is: quaternion and correlation, best first.

    A rotation counts where its correlation is nearer to 1 than a quarter of the median rotation's is.

    Args:
        log_values: (side, side, side) logarithm of the intensity.
        inner, outer: Voxels from the centre between which they are compared.
        n: Of the rotations that are tried (`sample_rotations`); peaks are sharpened afterwards.
    """
    rotations = sample_rotations(n)
    correlations = self_correlations(log_values, rotations, inner, outer)
    limit = 1 - _NEAR * (1 - float(np.median(correlations)))
    loose = 1 - 2 * _NEAR * (1 - float(np.median(correlations)))  # the sampling misses the top of a peak
    peaks: list[tuple[np.ndarray, float]] = []
    for place in np.argsort(-correlations):
        rotation = rotations.quaternions[place]
        known = [IDENTITY, *(peak for peak, _ in peaks)]
        if correlations[place] < loose or len(peaks) >= 120:
            break
        if min(angle_between(rotation, each) for each in known) < 3 * rotations.spacing:
            continue
        peaks.append(_sharpened(log_values, rotation, rotations.spacing, inner, outer))
    return [
        (peak, value) for peak, value in peaks if value >= limit and angle_between(peak, IDENTITY) > rotations.spacing
    ]


def _sharpened(
    values: np.ndarray, rotation: np.ndarray, spacing: float, inner: float, outer: float
) -> tuple[np.ndarray, float]:
    """The best rotation around one, and its correlation."""
    best = 0.0
    for round_ in range(_SHARPER):
        step = spacing / 2**round_
        small = random_rotations(60, round_)
        angles = np.linspace(0, step, len(small)) / 2
        axes = small[:, 1:] / np.linalg.norm(small[:, 1:], axis=1, keepdims=True)
        turned = multiply(np.concatenate([np.cos(angles)[:, None], np.sin(angles)[:, None] * axes], 1), rotation)
        trial = Rotations(turned, np.full(len(turned), 1 / len(turned)), IDENTITY[None], step)
        correlations = self_correlations(values, trial, inner, outer)
        rotation, best = turned[correlations.argmax()], float(correlations.max())
    return rotation, best


def _read(values: np.ndarray, points: np.ndarray) -> np.ndarray:
    places = np.moveaxis(points + values.shape[0] // 2, -1, 0)
    return map_coordinates(values, places, order=1, mode="nearest")
