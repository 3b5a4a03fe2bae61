"""Alignment of densities that the same amplitudes allow: shifts, and the inversion through the origin (the enantiomer).

F(q) exp(−2πi q·s / N) is the density moved by s. The shift of one density onto another is the maximum of their cross-correlation, found on the
grid and then between its points by Newton's method on Re Σ F* G exp(2πi q·s / N).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_STEPS = 8  # of Newton's method: it converges in three or four


@dataclass(frozen=True)
class Alignment:
    """How a density lies against a reference.

    Attributes:
        density: The moved density, real.
        shift: (dimensions,) voxels that it was moved by, after the inversion.
        inverted: Whether it was inverted through the origin.
        correlation: With the reference, −1 to 1.
    """

    density: np.ndarray
    shift: np.ndarray
    inverted: bool
    correlation: float


def aligned(reference: np.ndarray, moving: np.ndarray, *, inversion: bool = True) -> Alignment:
    """Move a density onto another: cyclic shift, with fractions of voxels, and inversion if that fits better.

    Args:
        reference, moving: Densities of equal shape, two or three dimensions.
        inversion: Try the enantiomer too.
    """
    candidates = [_shifted_onto(reference, moving, False)]
    if inversion:
        candidates.append(_shifted_onto(reference, inverted(moving), True))
    return max(candidates, key=lambda each: each.correlation)


def grid_correlations(densities: Sequence[np.ndarray]) -> np.ndarray:
    """(densities, densities) highest correlation over shifts by whole voxels and both hands: which densities are alike."""
    spectra = []
    for each in densities:
        spectrum = np.fft.rfftn(each - each.mean())
        spectra.append(spectrum / max(float(np.linalg.norm(each - each.mean())), 1e-300))
    found = np.eye(len(densities))
    for one in range(len(densities)):
        for two in range(one):
            products = (
                np.conj(spectra[one]) * spectra[two],
                spectra[one] * spectra[two],
            )  # ρ(−r) has conjugate coefficients
            axes = tuple(range(densities[0].ndim))
            peaks = [float(np.fft.irfftn(each, densities[0].shape, axes).max()) for each in products]
            found[one, two] = found[two, one] = max(peaks)
    return found


def inverted(density: np.ndarray) -> np.ndarray:
    """ρ(−r), on the cyclic grid."""
    axes = tuple(range(density.ndim))
    return np.roll(np.flip(density, axes), 1, axes)


def shifted(density: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """A density moved by fractions of voxels, as its Fourier series says; the highest frequency of an even grid is left out."""
    spectrum = np.fft.fftn(density) * _ramp(density.shape, -shift)
    return np.fft.ifftn(spectrum).real


def _frequencies(shape: tuple[int, ...]) -> list[np.ndarray]:
    """Whole frequencies along each axis; NaN at the highest of an even axis, whose sign is not known."""
    axes = []
    for place, size in enumerate(shape):
        frequency = np.fft.fftfreq(size, 1 / size)
        if size % 2 == 0:
            frequency[size // 2] = np.nan
        axes.append(frequency.reshape([-1 if place == axis else 1 for axis in range(len(shape))]))
    return axes


def _ramp(shape: tuple[int, ...], shift: np.ndarray) -> np.ndarray:
    ramp = np.ones(shape, np.complex128)
    for frequency, size, move in zip(_frequencies(shape), shape, shift, strict=True):
        highest = size / 2 if abs(move - round(move)) < 1e-9 else 0.0  # whole voxels need no sign of it
        phase = np.exp(2j * np.pi * np.nan_to_num(frequency, nan=highest) * move / size)
        ramp = ramp * np.where(np.isnan(frequency) & (highest == 0), 0.0, phase)
    return ramp


def _shifted_onto(reference: np.ndarray, moving: np.ndarray, was_inverted: bool) -> Alignment:
    cross = np.conj(np.fft.fftn(reference)) * np.fft.fftn(moving)
    peak = np.unravel_index(int(np.fft.ifftn(cross).real.argmax()), cross.shape)
    # cross-correlation c(s) = Σ ref(r) mov(r + s): moving by −s brings it onto the reference
    start = np.array([at if at <= size // 2 else at - size for at, size in zip(peak, cross.shape, strict=True)], float)
    place = _maximum(cross, start)
    density = shifted(moving, -place)
    a, b = reference - reference.mean(), density - density.mean()
    power = np.sqrt((a**2).sum() * (b**2).sum())
    return Alignment(density, -place, was_inverted, float((a * b).sum() / power) if power > 0 else 0.0)


def _maximum(cross: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The place of the maximum of Re Σ C exp(2πi q·s / N) near a grid point; that point where the search leaves its neighbourhood."""
    frequencies = [
        np.nan_to_num(each) * 2 * np.pi / size for each, size in zip(_frequencies(cross.shape), cross.shape, strict=True)
    ]  # fmt: skip
    place = start.copy()
    for _ in range(_STEPS):
        moved = cross * np.exp(1j * sum(each * at for each, at in zip(frequencies, place, strict=True)))
        gradient = np.array([-(moved.imag * each).sum() for each in frequencies])
        hessian = np.array([[-(moved.real * one * two).sum() for two in frequencies] for one in frequencies])
        if not (np.linalg.eigvalsh(hessian) < 0).all():
            break
        step = np.linalg.solve(hessian, -gradient)
        place = place + step
        if np.abs(place - start).max() > 1:
            return start
        if np.abs(step).max() < 1e-6:
            break
    return place
