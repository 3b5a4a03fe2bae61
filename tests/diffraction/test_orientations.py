from __future__ import annotations

import numpy as np
import pytest

from hooke.diffraction.orientations import HALF_TURN, agreement, near_symmetries
from hooke.diffraction.rotations import IDENTITY, angle_between, inverse, multiply, random_rotations

AXIS = np.array(
    [np.cos(np.pi / 2), *(np.sin(np.pi / 2) * np.array([0.6, 0.0, 0.8]))]
)  # half a turn about (0.6, 0, 0.8)


def speckles(side: int = 25, *, dimer: bool) -> np.ndarray:
    """log(1 + I) of point atoms, alone or with what `AXIS` makes of them."""
    from hooke.diffraction.rotations import rotation_matrices

    generator = np.random.default_rng(0)
    atoms = generator.normal(0, 1, (25, 3)) * 0.09
    if dimer:
        turned = atoms @ rotation_matrices(AXIS).T
        atoms = np.concatenate([atoms, turned + generator.normal(0, 0.003, turned.shape)])
    axis = np.arange(side) - side // 2
    waves = [np.exp(2j * np.pi * np.outer(atoms[:, number], axis)) for number in range(3)]
    return np.log1p(np.abs(np.einsum("ax,ay,az->xyz", *waves)) ** 2)


def test_a_near_symmetry_is_found_from_the_intensity_alone() -> None:
    (peak, correlation), *others = near_symmetries(speckles(dimer=True), 2, 10)
    assert angle_between(peak, AXIS) < np.radians(3)
    assert correlation > 0.9
    assert others == []
    assert near_symmetries(speckles(dimer=False), 2, 10) == []


def test_common_rotation_near_symmetry_and_half_turn_are_told_apart() -> None:
    truth, common = random_rotations(400, 1), random_rotations(1, 2)[0]
    noise = np.concatenate([np.ones((400, 1)), np.random.default_rng(0).normal(0, 0.01, (400, 3))], 1)
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    seen = truth.copy()
    seen[:120] = multiply(AXIS, seen[:120])
    seen[120:160] = multiply(seen[120:160], HALF_TURN)
    found = multiply(common, multiply(seen, noise))
    plain = agreement(found, truth, 0.3)
    assert (plain.errors < 0.3).mean() == pytest.approx(0.6)
    assert np.array_equal(plain.errors, plain.symmetric)
    both = agreement(found, truth, 0.3, np.array([IDENTITY, AXIS]))
    assert (both.symmetric < 0.3).mean() == pytest.approx(0.9)
    assert (both.flipped < 0.3).all()
    gone = min(
        angle_between(both.common, each) for each in (common, multiply(common, AXIS), multiply(common, inverse(AXIS)))
    )
    assert gone < np.radians(0.5)
