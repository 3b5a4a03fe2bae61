from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hooke.core.errors import UsageError
from hooke.diffraction.detector import Detector
from hooke.diffraction.simulate import simulate_patterns
from hooke.diffraction.structure import Structure, direct_intensities, intensities


def test_frames_are_poisson_around_the_exact_intensity(molecule: Structure, detector: Detector) -> None:
    """Many photons: relative to the expected counts nothing but noise is left."""
    patterns, truth = simulate_patterns(molecule, detector, 20, 1e7, seed=3)
    used = detector.used
    chi = []
    for frame, counts in enumerate(patterns.dense()):
        rotation = Rotation.from_quat(truth.quaternions[frame], scalar_first=True).as_matrix()
        exact = direct_intensities(molecule, (detector.q[used] @ rotation.T) * detector.voxel)
        expected = truth.scale * detector.weights[used] * exact
        assert np.corrcoef(expected, counts[used])[0, 1] > 0.9999
        chi.append(np.abs(counts[used] - expected) / expected.max())
    assert np.max(chi) < 0.01


def test_expected_photons_and_the_truth(molecule: Structure, detector: Detector) -> None:
    patterns, truth = simulate_patterns(molecule, detector, 600, 200, fluence_spread=0.4, background=0.5)
    assert patterns.photons.mean() == pytest.approx(300, rel=0.08)
    assert truth.background.sum() == pytest.approx(100)
    assert not truth.background[~detector.used].any()
    assert truth.fluences.mean() == pytest.approx(1, abs=0.06)
    assert np.log(truth.fluences).std() == pytest.approx(0.4, rel=0.1)
    np.testing.assert_allclose(np.linalg.norm(truth.quaternions, axis=1), 1, rtol=1e-12)
    assert not patterns.dense()[:, ~detector.used].any()
    assert patterns.shape == detector.shape
    rates = np.corrcoef(truth.fluences, patterns.photons)[0, 1]
    assert rates > 0.6


def test_seeds(molecule: Structure, detector: Detector) -> None:
    first, _ = simulate_patterns(molecule, detector, 300, 50, seed=1)
    again, _ = simulate_patterns(molecule, detector, 300, 50, seed=1)
    other, _ = simulate_patterns(molecule, detector, 300, 50, seed=2)
    assert first.same(again)
    assert not first.same(other)


def test_mixtures_and_volumes(molecule: Structure, detector: Detector) -> None:
    volume = intensities(molecule, detector.side, detector.voxel)
    flat = np.ones_like(volume)
    patterns, truth = simulate_patterns([volume, flat], detector, 400, 300, fractions=(0.75, 0.25))
    assert truth.particles.mean() == pytest.approx(0.25, abs=0.08)
    centre = np.linalg.norm(detector.q, axis=1) < 4
    share = patterns.dense()[:, centre].sum(axis=1) / patterns.photons
    assert share[truth.particles == 0].mean() > 2 * share[truth.particles == 1].mean()


def test_blank_frames_are_marked(molecule: Structure, detector: Detector) -> None:
    patterns, _ = simulate_patterns(molecule, detector, 100, 0.5)
    assert len(patterns) == 100
    assert len(patterns.reasons) == (patterns.photons == 0).sum() > 10


def test_refusals(molecule: Structure, detector: Detector) -> None:
    for options in (
        {"frames": 0},
        {"photons": -1.0},
        {"photons": np.nan},
        {"fluence_spread": -0.1},
        {"fractions": (1.0, 1.0)},
    ):
        with pytest.raises(UsageError):
            simulate_patterns(molecule, detector, **{"frames": 2, "photons": 1.0, **options})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="does not state its wavelength"):
        simulate_patterns(molecule, replace(detector, wavelength=np.nan), 2, 1.0)
    with pytest.raises(UsageError, match="the detector needs 17 voxels"):
        simulate_patterns(np.ones((5, 5, 5)), detector, 2, 1.0)
    with pytest.raises(UsageError, match="never negative"):
        simulate_patterns(np.full((17, 17, 17), -1.0), detector, 2, 1.0)
