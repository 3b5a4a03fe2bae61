"""Simulated frames of single particles: Poisson counts with the mean φ_d ω_t W(R_d q_t) + B_t.

W is the exact intensity on a grid twice as fine as the detector's voxels, read by cubic interpolation. Rotations are uniform, fluences
log-normal with mean 1, the background is even over the solid angle that pixels see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.ndimage import map_coordinates, spline_filter
from scipy.spatial.transform import Rotation

from hooke.core.errors import UsageError
from hooke.diffraction.detector import Detector
from hooke.diffraction.patterns import Patterns, patterns_from_dense
from hooke.diffraction.structure import Structure, intensities, mixed_fractions
from hooke.diffraction.truth import Truth

FINER = 2  # grid points a voxel, along each axis
_BLOCK = 256  # frames drawn at a time: part of what the seed means
_SCALING_ROTATIONS = 512


def fine_side(detector: Detector) -> int:
    """Points of an edge of the grid that intensities are computed on."""
    return FINER * (detector.side - 1) + 1


def simulate_patterns(
    particles: Sequence[Structure | np.ndarray] | Structure | np.ndarray, detector: Detector, frames: int, photons: float, *, seed: int = 0,
    fluence_spread: float = 0.0, background: float = 0.0, fractions: tuple[float, ...] = (),
    advance: Callable[[int], None] = lambda _: None,
) -> tuple[Patterns, Truth]:  # fmt: skip
    """Draw frames.

    Args:
        particles: A structure, or its intensities on the detector's grid (side, side, side); several are a mixture.
        detector: Where it is measured; structures need its wavelength.
        frames: How many.
        photons: Of the particle, expected in a frame at φ = 1, over the pixels that are not ignored.
        seed: The same seed gives the same frames.
        fluence_spread: σ of log φ.
        background: Expected photons of the background, as a share of those of the particle.
        fractions: Shares of the particles; equal without.
        advance: Called with the number of frames that are finished.

    Raises:
        UsageError: An option is none, or the detector's wavelength is not known.
    """
    if not frames >= 1:
        raise UsageError(f"frames: 1 or more, got {frames}")
    for name, value in {"photons": photons, "fluence spread": fluence_spread, "background": background}.items():
        if not (np.isfinite(value) and value >= 0):
            raise UsageError(f"{name}: 0 or more, got {value:g}")
    particles = [particles] if isinstance(particles, Structure | np.ndarray) else particles
    if not particles:
        raise UsageError("name at least one structure")
    shares = mixed_fractions(len(particles), fractions)
    volumes = [_splines(each, detector) for each in particles]
    streams = [np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(4)]
    used = np.flatnonzero(detector.used)
    q, weights = detector.q[used], detector.weights[used]
    rotations = Rotation.random(frames, rng=streams[0])
    fluences = np.exp(fluence_spread * streams[1].standard_normal(frames) - fluence_spread**2 / 2)
    kinds = streams[2].choice(len(particles), frames, p=shares) if len(particles) > 1 else np.zeros(frames, np.int64)
    scales = [photons / _mean_signal(volume, weights, q, side) for volume, side in volumes]
    even = np.zeros(detector.pixels)
    even[used] = weights * (background * photons / weights.sum())

    def drawn() -> Iterator[np.ndarray]:
        for first in range(0, frames, _BLOCK):
            some = slice(first, min(first + _BLOCK, frames))
            matrices = rotations[some].as_matrix()
            expected = np.empty((len(matrices), len(q)))
            for kind, (volume, side) in enumerate(volumes):
                own = np.flatnonzero(kinds[some] == kind)
                expected[own] = scales[kind] * weights * _read(volume, side, matrices[own], q)
            expected = expected * fluences[some, None] + even[used]
            counts = np.zeros((len(matrices), detector.pixels), np.int32)
            counts[:, used] = streams[3].poisson(expected)
            advance(len(matrices))
            yield counts

    patterns = patterns_from_dense(drawn(), "simulated frames", detector.shape)
    quaternions = rotations.as_quat(scalar_first=True)
    return patterns, Truth(quaternions, fluences, kinds.astype(np.int64), even, float(np.mean(scales)))


def _splines(particle: Structure | np.ndarray, detector: Detector) -> tuple[np.ndarray, int]:
    """Cubic spline coefficients of the intensity, and how many of their points a voxel has."""
    if isinstance(particle, Structure):
        if not np.isfinite(detector.voxel):
            raise UsageError("the detector does not state its wavelength; structures need it: write it as `wavelength`")
        return spline_filter(
            intensities(particle, fine_side(detector), detector.voxel / FINER), 3, mode="mirror"
        ), FINER
    if particle.shape != (detector.side,) * 3:
        raise UsageError(
            f"the volume has the shape {particle.shape}, the detector needs {detector.side} voxels an edge"
        )
    if not (np.isfinite(particle).all() and (particle >= 0).all() and particle.any()):
        raise UsageError("a volume of intensities is finite, never negative and not all 0")
    return spline_filter(np.asarray(particle, np.float64), 3, mode="mirror"), 1


def _read(splines: np.ndarray, finer: int, matrices: np.ndarray, q: np.ndarray) -> np.ndarray:
    """(rotations, pixels) intensities at R q; cubic interpolation is kept from going below 0."""
    points = np.einsum("rij,tj->irt", matrices, q) * finer + splines.shape[0] // 2
    return np.maximum(map_coordinates(splines, points, order=3, mode="mirror", prefilter=False), 0.0)


def _mean_signal(splines: np.ndarray, weights: np.ndarray, q: np.ndarray, finer: int) -> float:
    """Σ_t ω_t ⟨W(R q_t)⟩ over rotations, all of the particle's light."""
    rotations = Rotation.random(_SCALING_ROTATIONS, rng=np.random.default_rng(0)).as_matrix()
    few = max(1, _SCALING_ROTATIONS // 8)
    sums = [
        _read(splines, finer, rotations[first : first + few], q) @ weights
        for first in range(0, _SCALING_ROTATIONS, few)
    ]
    return float(np.concatenate(sums).mean())
