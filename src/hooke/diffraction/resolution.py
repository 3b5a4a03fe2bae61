"""How far two volumes agree, shell by shell of reciprocal space: Fourier shell correlation, phase retrieval transfer function, half sets.

FSC(k) = Re Σ F G* / √(Σ|F|² Σ|G|²) and PRTF(k) = Σ|⟨F⟩| / Σ A over the shell k ≤ |q| < k + 1 around k, of two or three dimensions.

Source: FSC: Harauz and van Heel, Optik 73 (1986) 146; PRTF: Chapman et al. 2006, doi 10.1364/JOSAA.23.001179.
"""

from __future__ import annotations

import numpy as np

HALF_SETS, TRUTH = 0.143, 0.5  # the FSC that counts as resolved: between independent halves, and against a truth


def shell_numbers(shape: tuple[int, ...]) -> np.ndarray:
    """Of each voxel: the nearest whole |q| in voxels, q = 0 at the middle (size // 2)."""
    axes = np.meshgrid(*[np.arange(size) - size // 2 for size in shape], indexing="ij")
    return np.rint(np.sqrt(sum(axis.astype(np.float64) ** 2 for axis in axes))).astype(np.int64)


def shell_sums(values: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """(min(shape) // 2 + 1,) sums of values over the whole shells of a volume."""
    numbers = shell_numbers(values.shape)
    whole = min(values.shape) // 2
    kept = numbers <= whole if mask is None else (numbers <= whole) & mask
    return np.bincount(numbers[kept], np.asarray(values, np.float64)[kept], whole + 1)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


def fourier_shell_correlation(first: np.ndarray, second: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """FSC of Fourier coefficients.

    Args:
        first, second: Complex, q = 0 in the middle; equal shapes of two or three dimensions.
        mask: Voxels that count.

    Returns:
        (shells,) from -1 to 1; NaN where a shell holds nothing.
    """
    cross = shell_sums((first * np.conj(second)).real, mask)
    powers = [shell_sums(np.abs(each) ** 2, mask) for each in (first, second)]
    return _ratio(cross, np.sqrt(powers[0] * powers[1]))


def density_shell_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """FSC of two densities, which lie in the same place; see `fourier_shell_correlation`."""
    return fourier_shell_correlation(coefficients(first), coefficients(second))


def intensity_shell_correlation(first: np.ndarray, second: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Correlation of two intensities within each shell, around the shells' means: 0 where the speckles are unrelated."""
    kept = np.isfinite(first) & np.isfinite(second) & (True if mask is None else mask)
    numbers, count = shell_numbers(first.shape), shell_sums(np.ones(first.shape), kept)
    deviations = []
    for each in (first, second):
        filled = np.where(kept, each, 0.0)
        mean = np.append(_ratio(shell_sums(filled, kept), count), np.nan)
        deviations.append(np.where(kept, filled - mean[np.minimum(numbers, len(mean) - 1)], 0.0))
    inside = kept & (numbers < len(count))
    cross, *powers = (
        shell_sums(np.where(inside, product, 0.0))
        for product in (deviations[0] * deviations[1], deviations[0] ** 2, deviations[1] ** 2)
    )
    return _ratio(cross, np.sqrt(powers[0] * powers[1]))


def phase_retrieval_transfer(mean: np.ndarray, amplitudes: np.ndarray, known: np.ndarray | None = None) -> np.ndarray:
    """PRTF: how much of the measured amplitude the average of aligned solutions keeps.

    Args:
        mean: Complex mean of the solutions' coefficients, q = 0 in the middle.
        amplitudes: Measured ones.
        known: Where they were measured.

    Returns:
        (shells,): 1 where all solutions have the same phases.
    """
    return _ratio(shell_sums(np.abs(mean), known), shell_sums(amplitudes, known))


def resolved_shell(curve: np.ndarray, threshold: float) -> float:
    """Where a curve first falls below a threshold, by linear interpolation; its last shell if it never does."""
    values = np.where(np.isfinite(curve), curve, 1.0)
    below = np.flatnonzero(values[1:] < threshold)
    if not len(below):
        return float(len(curve) - 1)
    place = int(below[0]) + 1
    if values[place - 1] <= threshold:
        return float(place - 1)
    return place - 1 + float((values[place - 1] - threshold) / (values[place - 1] - values[place]))


def half_sets(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two disjoint halves of the frames, each in ascending order; of an odd number the first has one more."""
    order = np.random.default_rng(seed).permutation(count)
    return np.sort(order[: (count + 1) // 2]), np.sort(order[(count + 1) // 2 :])


def coefficients(density: np.ndarray) -> np.ndarray:
    """Fourier coefficients of a density, q = 0 in the middle."""
    return np.fft.fftshift(np.fft.fftn(density))
