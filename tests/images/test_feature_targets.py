"""Measured features as targets: scaled, the rest unmeasured, kept part by part."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError
from hooke.images import feature_targets as module
from hooke.images.feature_targets import FARTHEST, measured_fields, measured_targets
from hooke.images.features import feature_names, store_features
from hooke.images.store import ImageStore


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))


def test_targets_are_scaled_and_the_rest_is_nan(screen: ImageStore) -> None:
    found = measured_targets(screen, 10, workers=0, show_progress=False)
    assert found.shape == (len(screen), len(feature_names(screen.channels)))
    measured = np.isfinite(found).all(axis=1)
    assert measured.sum() == 10
    assert np.isnan(found[~measured]).all()
    inside = np.abs(found[measured]).max(axis=0) < FARTHEST
    np.testing.assert_allclose(found[measured][:, inside].mean(axis=0), 0, atol=1e-5)
    spread = found[measured][:, inside].std(axis=0)
    assert (np.isclose(spread, 1, atol=1e-4) | (spread == 0)).all()


def test_all_fields_are_those_of_the_features(screen: ImageStore) -> None:
    rows, values = measured_fields(screen, workers=0, show_progress=False)
    expected, names = store_features(screen, workers=0, show_progress=False)
    np.testing.assert_array_equal(rows, np.arange(len(screen)))
    np.testing.assert_array_equal(values.astype(np.float32), expected)
    assert names == feature_names(screen.channels)
    few, some = measured_fields(screen, 7, workers=0, show_progress=False)
    np.testing.assert_array_equal(some, values[few])


def test_a_stopped_measurement_goes_on_and_nothing_is_measured_twice(
    screen: ImageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PART", 5)
    real, calls = module.store_features, []

    def counted(store: ImageStore, rows: np.ndarray, **options: object) -> tuple[np.ndarray, tuple[str, ...]]:
        calls.append(len(rows))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(store, rows, workers=0, show_progress=False)

    monkeypatch.setattr(module, "store_features", counted)
    with pytest.raises(KeyboardInterrupt):
        measured_targets(screen, 18, workers=0, show_progress=False)
    first = measured_targets(screen, 18, workers=0, show_progress=False)
    assert calls == [5, 5, 5, 5, 3]
    np.testing.assert_array_equal(measured_targets(screen, 18, workers=0, show_progress=False), first)
    assert len(calls) == 5


def test_a_number_that_is_none_is_not_measured(screen: ImageStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def odd(store: ImageStore, rows: np.ndarray, **_: object) -> tuple[np.ndarray, tuple[str, ...]]:
        values = np.arange(2.0 * len(rows)).reshape(-1, 2)
        values[1, 0] = np.inf
        return values, ("one", "two")

    monkeypatch.setattr(module, "store_features", odd)
    found = measured_targets(screen, len(screen), workers=0, show_progress=False)
    assert np.isnan(found).sum() == 1
    with pytest.raises(DataError, match="no field"):
        measured_targets(screen, 0, workers=0, show_progress=False)
