"""Labels of a store as spec and targets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.core.recipe import Recipe, load_recipe
from hooke.images.feature_targets import measured_targets
from hooke.images.features import feature_names
from hooke.images.spec import LEVEL, ImageSpec
from hooke.images.store import ImageStore
from hooke.images.targets import MEASURED, class_codes, released_spec, spec_of, target_values


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def recipe() -> Recipe:
    return load_recipe("tiny_wsl", ["images.crop=16"])


def test_classes_come_first_and_then_features(screen: ImageStore, recipe: Recipe) -> None:
    spec = spec_of(screen, recipe, target="gene", features=True, agnostic=True)
    first, *features = spec.labels
    assert first == Label("gene", LEVEL, "multiclass", classes=first.classes, names=screen.classes("gene")[1])
    assert features == [Label(name, LEVEL, source=MEASURED) for name in feature_names(screen.channels)]
    assert (spec.channels, spec.batches, spec.crop, spec.agnostic) == (screen.channels, screen.batches, 16, True)
    assert any(label.source == MEASURED for label in spec.labels)
    bare = spec_of(screen, recipe)
    assert bare == replace(spec, labels=(), agnostic=False)
    assert not any(label.source == MEASURED for label in bare.labels)


def test_what_cannot_be_learnt_is_refused(screen: ImageStore, recipe: Recipe) -> None:
    with pytest.raises(UnknownNameError, match="metadata column"):
        spec_of(screen, recipe, target="genee")
    with pytest.raises(UsageError, match="1 kinds of 'cell_type'; perturbation_classification needs at least two"):
        spec_of(screen, recipe, target="cell_type")
    some = replace(recipe, sections={"images": replace(recipe.sections["images"], channels=("DNA", "ER"))})
    assert spec_of(screen, some, target="gene").channels == ("DNA", "ER")
    with pytest.raises(UsageError, match="all channels"):
        spec_of(screen, some, features=True)


def test_codes_are_those_of_the_label(screen: ImageStore) -> None:
    codes, names = screen.classes("perturbation")
    whole = Label("perturbation", LEVEL, "multiclass", classes=len(names), names=names)
    assert np.array_equal(class_codes(screen, whole), codes)
    fewer = replace(whole, classes=len(names) - 1, names=names[1:])
    assert np.array_equal(class_codes(screen, fewer), codes - 1)


def test_values_of_all_labels(screen: ImageStore, recipe: Recipe) -> None:
    spec = spec_of(screen, recipe, target="gene", features=True)
    found = target_values(screen, spec, measured_fields=9)
    assert found is not None
    assert found.dtype == np.float32
    codes = screen.classes("gene")[0]
    assert (codes < 0).any()
    np.testing.assert_array_equal(found[:, 0], np.where(codes < 0, np.nan, codes))
    np.testing.assert_array_equal(found[:, 1:], measured_targets(screen, 9, show_progress=False))
    turned = target_values(screen, replace(spec, labels=spec.labels[::-1]), measured_fields=9)
    np.testing.assert_array_equal(turned, found[:, ::-1])
    assert target_values(screen, spec_of(screen, recipe)) is None


def test_the_setup_of_a_released_run() -> None:
    value = {"channels": ["DNA", "ER"], "batches": ["b1"], "target": "gene", "classes": ["a", "b", "c"]}
    classes = Label("gene", LEVEL, "multiclass", classes=3, names=("a", "b", "c"))
    assert released_spec(value, crop=8, agnostic=True) == ImageSpec(("DNA", "ER"), ("b1",), (classes,), 8, True)
    names = feature_names(("DNA", "ER"))
    found = released_spec({**value, "features": len(names)}, crop=0, agnostic=False)
    assert found.labels == (classes, *(Label(name, LEVEL, source=MEASURED) for name in names))
    assert released_spec({**value, "target": "", "classes": []}, crop=0, agnostic=False).labels == ()
    with pytest.raises(DataError, match="learnt 5 measured features"):
        released_spec({**value, "features": 5}, crop=0, agnostic=False)
