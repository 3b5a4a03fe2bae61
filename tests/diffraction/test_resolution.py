from __future__ import annotations

import numpy as np
import pytest

from hooke.diffraction.resolution import (
    coefficients,
    density_shell_correlation,
    fourier_shell_correlation,
    half_sets,
    intensity_shell_correlation,
    phase_retrieval_transfer,
    resolved_shell,
    shell_numbers,
    shell_sums,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(9, 9, 9), (8, 8, 8), (12, 12)])
def test_shells_are_those_of_a_plain_loop(shape: tuple[int, ...]) -> None:
    first, second = (RNG.normal(size=shape) + 1j * RNG.normal(size=shape) for _ in range(2))
    radius = np.zeros(shape)
    for place in np.ndindex(shape):
        radius[place] = np.sqrt(sum((at - size // 2) ** 2 for at, size in zip(place, shape, strict=True)))
    curve = fourier_shell_correlation(first, second)
    assert len(curve) == min(shape) // 2 + 1
    for shell, value in enumerate(curve):
        own = np.rint(radius) == shell
        cross = (first[own] * second[own].conj()).sum().real
        assert value == pytest.approx(cross / np.sqrt((abs(first[own]) ** 2).sum() * (abs(second[own]) ** 2).sum()))
    assert shell_sums(np.ones(shape)).sum() == (shell_numbers(shape) <= min(shape) // 2).sum()


def test_what_is_equal_and_what_is_unrelated() -> None:
    density, other = RNG.normal(size=(2, 17, 17, 17))
    np.testing.assert_allclose(density_shell_correlation(density, 3 * density), 1)
    np.testing.assert_allclose(density_shell_correlation(density, -density), -1)
    assert np.abs(density_shell_correlation(density, other)[4:]).max() < 0.25
    falling = np.exp(-shell_numbers((17, 17, 17)) / 3.0)
    unrelated = intensity_shell_correlation(falling * density**2, falling * other**2)
    assert np.abs(unrelated[4:]).max() < 0.25  # the common fall with |q| does not count
    mask = shell_numbers((17, 17, 17)) >= 3
    seen = intensity_shell_correlation(density**2, np.where(mask, density**2, np.nan), mask)
    np.testing.assert_allclose(seen[3:], 1)
    assert np.isnan(seen[:3]).all()


def test_transfer_function() -> None:
    density = RNG.normal(size=(11, 11, 11))
    spectrum = coefficients(density)
    np.testing.assert_allclose(phase_retrieval_transfer(spectrum, np.abs(spectrum)), 1)
    phases = np.exp(2j * np.pi * RNG.uniform(size=(400, *spectrum.shape)))
    mean = (phases * np.abs(spectrum)).mean(axis=0)
    assert phase_retrieval_transfer(mean, np.abs(spectrum))[2:].max() < 0.1  # about 1 / √400


def test_where_a_curve_falls() -> None:
    assert resolved_shell(np.array([1, 1, 0.75, 0.25, 0.9]), 0.5) == pytest.approx(2.5)
    assert resolved_shell(np.array([np.nan, 1, 1]), 0.5) == 2
    assert resolved_shell(np.array([1, 0.2, 0.9]), 0.2) == 2
    assert resolved_shell(np.array([0.1, 0.0]), 0.5) == 0


def test_halves_are_disjoint_and_whole() -> None:
    for count in (0, 1, 9, 10):
        first, second = half_sets(count, 3)
        np.testing.assert_array_equal(np.sort(np.concatenate([first, second])), np.arange(count))
        assert len(first) - len(second) in (0, 1)
