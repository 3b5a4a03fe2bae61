"""Baselines learn what can be learnt, per label on what was measured."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.core.errors import UnknownNameError
from hooke.core.label import Label
from hooke.core.recipe import load_recipe
from hooke.images.store import ImageStore
from hooke.modalities import trainable
from hooke.molecules.spec import MoleculeSpec
from hooke.studies.baselines import baseline_predictions, fit_predict

LABELS = (Label("y"), Label("b", kind="binary"), Label("never"), Label("constant"))


def data() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(120, 6))
    value = features @ np.array([1.0, -2, 0, 0, 0.5, 0])
    targets = np.stack([value, (value > 0).astype(float), np.full(120, np.nan), np.full(120, 3.0)], axis=1)
    targets[::7, 0] = np.nan
    return features, targets


def predicted(name: str, features: np.ndarray, targets: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    return fit_predict(name, MoleculeSpec(tuple(LABELS)), "graph", features[train], targets[train], features[test])


@pytest.mark.parametrize("name", ["mean", "ridge", "forest"])
def test_baselines(name: str) -> None:
    features, targets = data()
    train, test = np.arange(90), np.arange(90, 120)
    found = predicted(name, features, targets, train, test)
    assert found.shape == (30, 4)
    assert np.isnan(found[:, 2]).all()
    np.testing.assert_allclose(found[:, 3], 3.0)
    assert ((found[:, 1] >= 0) & (found[:, 1] <= 1)).all()
    error = np.sqrt(np.nanmean((found[:, 0] - targets[test, 0]) ** 2))
    spread = np.nanstd(targets[test, 0])
    if name == "mean":
        assert np.unique(found[:, 0]).tolist() == pytest.approx([np.nanmean(targets[train, 0])])
    else:
        assert error < 0.75 * spread  # a forest of 77 noisy rows explains about half of a linear target
        assert np.mean((found[:, 1] > 0.5) == targets[test, 1]) > 0.75
    np.testing.assert_array_equal(found, predicted(name, features, targets, train, test))


def test_unknown_baseline() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'forest'"):
        predicted("forst", *data(), np.arange(5), np.arange(5))


def test_baselines_of_wells(screen: ImageStore) -> None:
    """Hand-crafted features of fields, averaged over each well; one prediction a well, in the order of their names."""
    recipe, images = load_recipe("tiny_wsl"), trainable("images", "fit")
    rows = np.arange(len(screen))
    spec = images.spec(screen, rows, recipe)
    found = baseline_predictions(images, recipe, spec, screen, images.compared(spec), rows, rows, show_progress=False)
    codes = screen.classes("perturbation")[0]
    wells = images.groups(screen, rows)
    truth = codes[np.unique(wells, return_index=True)[1]]
    assert list(found) == list(images.estimators)
    assert all(values.shape == (wells.max() + 1, 1) for values in found.values())
    assert np.array_equal(found["nearest"][:, 0], truth)  # each well is its own nearest
    assert (found["mean"] == np.bincount(truth).argmax()).all()
