from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import UsageError
from hooke.diffraction.rotations import (
    TETRAHEDRAL,
    angle_between,
    in_plane_rotations,
    inverse,
    mean_rotation,
    multiply,
    random_rotations,
    rotation_count,
    rotation_matrices,
    sample_rotations,
)


@pytest.mark.parametrize(("n", "count"), [(1, 60), (2, 420), (3, 1380), (4, 3240), (6, 10860), (8, 25680)])
def test_as_many_rotations_as_the_600_cell_has(n: int, count: int) -> None:
    rotations = sample_rotations(n)
    assert len(rotations) == rotation_count(n) == count
    np.testing.assert_allclose(np.linalg.norm(rotations.quaternions, axis=1), 1, atol=1e-14)
    assert rotations.weights.sum() == pytest.approx(1, abs=1e-12)
    some = rotations.quaternions[:: max(1, count // 50)]
    assert (np.abs(some @ rotations.quaternions.T) > 1 - 1e-9).sum() == len(some)  # neither twice nor with its antipode
    spread = rotations.weights * count
    assert 0.68 < spread.min() <= spread.max() < 1.1


def test_points_divide_the_edges_of_the_600_cell() -> None:
    """Independently: at n = 2 the points are the vertices and the middles of neighbouring ones, put onto the sphere."""
    vertices = sample_rotations(1).quaternions
    both = np.concatenate([vertices, -vertices])
    pairs = np.argwhere(np.triu(np.abs(both @ both.T - (1 + 5**0.5) / 4) < 1e-9))
    assert len(pairs) == 720
    middles = both[pairs].sum(axis=1)
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    expected = np.concatenate([vertices, middles])
    cosines = np.abs(sample_rotations(2).quaternions @ expected.T)
    np.testing.assert_allclose(cosines.max(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(cosines.max(axis=0), 1, atol=1e-12)


def test_weights_order_kinds_of_points_as_their_shares_of_the_sphere() -> None:
    """What lies nearest to each point, measured by random rotations; a flat cell's share is not quite what lies nearest."""
    rotations = sample_rotations(3)
    drawn = random_rotations(200_000, seed=1)
    nearest = np.concatenate([np.abs(part @ rotations.quaternions.T).argmax(axis=1) for part in np.split(drawn, 40)])
    share = np.bincount(nearest, minlength=len(rotations)) / len(drawn)
    kinds = np.round(rotations.weights * len(rotations), 6)
    measured = [share[kinds == kind].mean() * len(rotations) for kind in np.unique(kinds)]
    assert len(measured) == 3  # vertices, edges, faces
    assert measured == sorted(measured)
    np.testing.assert_allclose(np.unique(kinds), measured, rtol=0.17)


def test_orbits_are_signed_permutations_of_axes() -> None:
    rotations = sample_rotations(3)
    matrices = rotation_matrices(TETRAHEDRAL)
    assert set(np.unique(matrices)) == {-1.0, 0.0, 1.0}
    whole = rotation_matrices(rotations.quaternions).reshape(-1, 12, 3, 3)
    np.testing.assert_allclose(
        whole, np.einsum("gij,kjl->kgil", matrices, rotation_matrices(rotations.base)), atol=1e-12
    )


def test_products_inverses_and_angles() -> None:
    a, b = random_rotations(50, 1), random_rotations(50, 2)
    np.testing.assert_allclose(
        rotation_matrices(multiply(a, b)), rotation_matrices(a) @ rotation_matrices(b), atol=1e-14
    )
    np.testing.assert_allclose(rotation_matrices(inverse(a)), np.swapaxes(rotation_matrices(a), 1, 2), atol=1e-14)
    trace = np.trace(rotation_matrices(a) @ np.swapaxes(rotation_matrices(b), 1, 2), axis1=1, axis2=2)
    np.testing.assert_allclose(angle_between(a, b), np.arccos((trace - 1) / 2), atol=1e-7)
    assert angle_between(a, -a).max() == 0
    small = np.array([np.cos(5e-9), np.sin(5e-9), 0, 0])
    assert angle_between(small, np.array([1.0, 0, 0, 0])) == pytest.approx(1e-8, rel=1e-9)


def test_neighbours_are_those_within_the_angle() -> None:
    rotations, asked = sample_rotations(4), random_rotations(5, 3)
    for place, within in zip(asked, rotations.neighbours(asked, 0.5), strict=True):
        expected = np.flatnonzero(angle_between(rotations.quaternions, place) <= 0.5)
        assert within.tolist() == expected.tolist()
        assert len(within) > 5


def test_the_mean_of_rotations_around_one_is_that_one() -> None:
    around = np.concatenate([[np.ones(20)], 0.02 * np.random.default_rng(0).standard_normal((3, 20))]).T
    around = np.concatenate([around, around * [1, -1, -1, -1]])
    centre = random_rotations(1, 5)[0]
    turned = multiply(centre, around / np.linalg.norm(around, axis=1, keepdims=True))
    turned[::3] *= -1
    assert angle_between(mean_rotation(turned), centre) < 1e-9


def test_rotations_in_the_plane_keep_the_beam() -> None:
    rotations = in_plane_rotations(36)
    np.testing.assert_allclose(rotation_matrices(rotations.quaternions)[:, 2], np.tile([0, 0, 1], (36, 1)), atol=1e-15)
    assert angle_between(rotations.quaternions[0], rotations.quaternions[1]) == pytest.approx(np.radians(10))
    assert random_rotations(3, 7).tolist() == random_rotations(3, 7).tolist()


@pytest.mark.parametrize("make", [sample_rotations, in_plane_rotations])
def test_no_rotations_are_refused(make: object) -> None:
    with pytest.raises(UsageError, match="got 0"):
        make(0)  # type: ignore[operator]
