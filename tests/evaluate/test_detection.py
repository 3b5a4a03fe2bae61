"""The AUROC of large errors, its interval over molecules, and Mahalanobis distances."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.evaluate.detection import detection, large, mahalanobis


def test_a_signal_that_is_the_error_and_one_that_is_noise() -> None:
    generator = np.random.default_rng(0)
    errors, groups = generator.exponential(size=400), np.repeat(np.arange(40), 10)
    perfect = detection(errors, errors, groups, generator=generator)
    assert (perfect.value, perfect.low, perfect.high) == (1.0, 1.0, 1.0)
    noise = detection(generator.normal(size=400), errors, groups, generator=generator)
    assert noise.low < 0.5 < noise.high
    assert large(np.array([1.0, 1.0, 1.0, 3.5])).tolist() == [False, False, False, True]
    assert np.isnan(detection(errors, np.ones(400), groups, generator=generator).value)


def test_intervals_are_wider_where_frames_of_a_molecule_are_alike() -> None:
    generator = np.random.default_rng(1)
    of_molecules, groups = generator.exponential(size=20), np.repeat(np.arange(20), 20)
    errors = of_molecules[groups] * generator.uniform(0.9, 1.1, size=400)
    signal = errors + generator.exponential(size=20)[groups]
    grouped = detection(signal, errors, groups, generator=np.random.default_rng(0))
    alone = detection(signal, errors, np.arange(400), generator=np.random.default_rng(0))
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_mahalanobis_is_the_distance_after_whitening() -> None:
    generator = np.random.default_rng(2)
    mixing = generator.normal(size=(3, 3))
    known = generator.normal(size=(5000, 3)) @ mixing + 7
    vectors = generator.normal(size=(10, 3)) @ mixing + 7
    inverse = np.linalg.inv(np.cov(known, rowvar=False))
    gaps = vectors - known.mean(axis=0)
    np.testing.assert_allclose(
        mahalanobis(vectors, known), np.sqrt(np.einsum("ij,jk,ik->i", gaps, inverse, gaps)), rtol=1e-9
    )
    flat = np.column_stack([known, known[:, 0]])
    assert np.isfinite(mahalanobis(flat[:4], flat)).all()
    assert mahalanobis(known.mean(axis=0)[None], known)[0] == pytest.approx(0, abs=1e-9)
