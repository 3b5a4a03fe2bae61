from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from hooke.diffraction.rotations import Rotations, random_rotations, rotation_matrices, sample_rotations


@dataclass(frozen=True)
class Case:
    """The intensity of a particle, seen by a small curved detector."""

    volume: np.ndarray
    points: np.ndarray
    weights: np.ndarray
    mask: np.ndarray
    rotations: Rotations
    starts: np.ndarray
    pixels: np.ndarray
    counts: np.ndarray
    dense: np.ndarray
    truth: np.ndarray


def speckles(side: int, seed: int = 0, atoms: int = 40) -> np.ndarray:
    """(side, side, side) intensity of a particle of point atoms, speckles about 2.5 voxels wide, mean 1."""
    generator = np.random.default_rng(seed)
    directions = generator.standard_normal((atoms, 3))
    radius = 0.2 * generator.uniform(size=atoms) ** (1 / 3)
    places = directions / np.linalg.norm(directions, axis=1, keepdims=True) * radius[:, None]
    axis = np.arange(side) - side // 2
    waves = [np.exp(2j * np.pi * np.outer(places[:, number], axis)) for number in range(3)]
    volume = np.abs(np.einsum("ax,ay,az->xyz", *waves)) ** 2
    volume *= np.exp(-sum(np.meshgrid(*[axis**2] * 3, indexing="ij")) / side**2)
    return volume / volume.mean()


def sparse(dense: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    frames, pixels = np.nonzero(dense)
    starts = np.searchsorted(frames, np.arange(len(dense) + 1)).astype(np.int64)
    return starts, pixels.astype(np.int32), dense[frames, pixels].astype(np.int32)


def interpolated(volume: np.ndarray, places: np.ndarray) -> np.ndarray:
    from scipy.ndimage import map_coordinates

    return map_coordinates(volume, np.moveaxis(places + volume.shape[0] // 2, -1, 0), order=1)


def make(side: int, detector: int, frames: int, photons: float, n: int, seed: int = 0) -> Case:
    generator = np.random.default_rng(seed)
    volume = speckles(side, seed)
    axis = np.linspace(-1, 1, detector) * (side // 2 - 1) * 0.63
    x, y = (part.ravel() for part in np.meshgrid(axis, axis, indexing="ij"))
    points = np.stack([x, y, (x**2 + y**2) / side], 1)
    weights = 1 - 0.2 * (x**2 + y**2) / side**2
    mask = np.zeros(len(points), np.uint8)
    mask[np.hypot(x, y) < 1] = 2
    mask[np.hypot(x, y) > axis.max()] = 1
    truth = random_rotations(frames, seed + 1)
    expected = interpolated(volume, np.einsum("rij,tj->rti", rotation_matrices(truth), points)) * weights * (mask < 2)
    expected *= photons / expected.sum(1).mean()
    dense = generator.poisson(expected)
    dense[0] = 0  # a blank frame
    return Case(volume, points, weights, mask, sample_rotations(n), *sparse(dense), dense, truth)


@pytest.fixture(scope="session")
def case() -> Case:
    return make(13, 8, 24, 50.0, 1)


@pytest.fixture(scope="session")
def blob_case() -> Case:
    """Large enough to be solved."""
    return make(21, 19, 200, 800.0, 3)


@pytest.fixture(scope="session")
def as_sparse() -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return sparse
