from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hooke.core.errors import UsageError
from hooke.diffraction.point_groups import SymmetricMerge, check_symmetry, find_axes, group_rotations, symmetrised
from hooke.diffraction.resolution import intensity_shell_correlation
from hooke.diffraction.structure import Structure, intensities

ORDERS = {"C1": 1, "C2": 2, "C7": 7, "D1": 2, "D3": 6, "D4": 8, "T": 12, "O": 24, "I": 60}
RNG = np.random.default_rng(0)


def particle(name: str, frame: np.ndarray | None = None, atoms: int = 6, seed: int = 1) -> np.ndarray:
    """(17, 17, 17) intensity of atoms and their images."""
    places = np.random.default_rng(seed).normal(0, 6, (atoms, 3))
    turned = np.concatenate([places @ each.T for each in group_rotations(name)])
    turned = turned if frame is None else turned @ frame.T
    count = len(turned)
    return intensities(Structure(turned, np.array(["C"] * count), np.ones(count), np.zeros(count)), 17, 0.011)


@pytest.mark.parametrize("name", ORDERS)
def test_groups_are_groups(name: str) -> None:
    group = group_rotations(name)
    assert len(group) == ORDERS[name]
    np.testing.assert_allclose(np.linalg.det(group), 1)
    products = (group[:, None] @ group[None]).reshape(-1, 3, 3)
    away = np.abs(products[:, None] - group[None]).max(axis=(2, 3)).min(axis=1)
    assert away.max() < 1e-9


@pytest.mark.parametrize("name", ["C1", "C3", "C4", "D2", "D5", "T", "O", "I"])
def test_symmetrising_twice_changes_nothing(name: str) -> None:
    group = group_rotations(name)
    volume, weights = RNG.normal(size=(2, 11, 11, 11))
    weights = np.abs(weights)
    for weight in (None, weights):
        once = symmetrised(volume, group, weights=weight)
        np.testing.assert_allclose(symmetrised(once, group, weights=weight), once, atol=1e-9)
        np.testing.assert_allclose(once, once[::-1, ::-1, ::-1], atol=1e-12)
    half = 5
    grid = np.indices((11, 11, 11)).reshape(3, -1) - half
    inside = (grid**2).sum(axis=0) <= half**2
    values = once.ravel()
    for each in group:  # where a voxel falls onto a voxel
        image = each @ grid
        exact = inside & (np.abs(image - image.round()).max(axis=0) < 1e-9)
        place = np.ravel_multi_index(tuple(image.round().astype(int)[:, exact] + half), (11, 11, 11))
        np.testing.assert_allclose(values[place], values[exact], atol=1e-9)


def test_it_is_a_projection() -> None:
    """Symmetric and with what is left standing at right angles to what is kept."""
    group = group_rotations("D3")
    one, two = RNG.normal(size=(2, 9, 9, 9))
    left, right = (symmetrised(one, group) * two).sum(), (one * symmetrised(two, group)).sum()
    assert left == pytest.approx(right, abs=1e-8)


@pytest.mark.parametrize("name", ["C3", "D2", "I"])
def test_a_symmetric_particle_keeps_its_intensity_and_loses_noise(name: str) -> None:
    truth = particle(name)
    group = group_rotations(name)
    kept = intensity_shell_correlation(symmetrised(truth, group), truth)
    assert np.nanmin(kept[1:]) > 0.9
    noisy = truth * RNG.gamma(1, 1, truth.shape)
    before = intensity_shell_correlation(symmetrised(noisy, group_rotations("C1")), truth)
    after = intensity_shell_correlation(symmetrised(noisy, group), truth)
    assert np.nanmean(after[2:]) > np.nanmean(before[2:]) + 0.1


@pytest.mark.parametrize("name", ["C2", "D2", "C3", "D7", "I"])
def test_counts_and_exposures_merge_into_a_symmetric_model(name: str) -> None:
    truth, rng = particle(name), np.random.default_rng(3)
    truth = truth / truth.mean() * 3
    light = 3 * rng.gamma(1, 1, truth.shape)
    light[rng.random(truth.shape) < 0.1] = 0
    counts = rng.poisson(truth * light).astype(float)
    group = group_rotations(name)
    above, below = SymmetricMerge(group, 17)(counts, light)
    known = below > 0
    model = np.divide(above, below, out=np.zeros_like(above), where=known)
    np.testing.assert_allclose(model, model[::-1, ::-1, ::-1], atol=1e-9)
    plain = np.divide(counts, light, out=np.zeros_like(counts), where=light > 0)
    radius = np.sqrt(sum(axis**2.0 for axis in np.ogrid[-8:9, -8:9, -8:9]))
    inside = known & (light > 0) & (radius < 8)
    wrong, kept = (np.abs(np.log1p(each) - np.log1p(truth))[inside].mean() for each in (plain, model))
    assert kept < wrong
    if name in ("C2", "D2"):  # images of voxels are voxels: the sums over the group
        summed = sum(
            np.stack([counts, light])[(slice(None), *np.moveaxis(places, -1, 0))]
            for places in (
                (np.stack(np.indices((17,) * 3), -1) - 8) @ (sign * each).T.round().astype(int) + 8
                for each in group
                for sign in (1, -1)
            )
        )
        np.testing.assert_allclose(model[inside], summed[0][inside] / summed[1][inside], rtol=1e-9)


def test_halves_warn_of_a_wrong_group() -> None:
    truth = particle("D2")
    halves = [truth * RNG.gamma(2, 0.5, truth.shape) for _ in range(2)]
    right, *wrong = (check_symmetry(*halves, group_rotations(name)) for name in ("D2", "D3", "C3", "O", "I"))
    assert right.gain == pytest.approx(right.expected, abs=0.05)
    assert right.gain > 0.03
    assert right.warning == ""
    for each in wrong:
        assert each.gain < each.expected / 2
        assert "do not support the symmetry" in each.warning


def test_axes_are_found() -> None:
    frame = Rotation.from_euler("zyx", [20, 35, -50], degrees=True).as_matrix()
    found, score = find_axes(particle("D2", frame, atoms=12), "D2", inner=2, outer=7)
    assert score > 0.95
    axes, true = found @ np.eye(3), frame @ np.eye(3)
    assert np.abs(axes.T @ true).max(axis=1).min() > np.cos(np.radians(3))  # in whatever order
    assert find_axes(particle("C1", frame, atoms=12), "D2", inner=2, outer=7)[1] < score


def test_refusals() -> None:
    for name in ("C0", "C99", "X", "D", "I2", ""):
        with pytest.raises(UsageError, match="no point group"):
            group_rotations(name)
    for volume in (np.zeros((4, 4, 4)), np.zeros((5, 5, 3)), np.full((5, 5, 5), np.nan)):
        with pytest.raises(UsageError, match="a finite cube with an odd side"):
            symmetrised(volume, group_rotations("C2"))
