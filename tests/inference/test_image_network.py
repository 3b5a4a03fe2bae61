"""The spec of a run, of the first release too, and the networks built from it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hooke.core import registry
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import load_recipe
from hooke.core.runs import RunFolder
from hooke.images.store import ImageStore
from hooke.inference.image_network import build_image_network, image_spec, read_image_spec
from hooke.inference.image_run import LoadedImageRun
from hooke.inference.shipped import run_path


def test_the_spec_of_a_recipe(screen: ImageStore) -> None:
    recipe = load_recipe("tiny_wsl", ['images.channels=["ER", "DNA"]', "images.crop=24"])
    spec = image_spec(screen, recipe)
    assert (spec.channels, spec.batches, spec.crop) == (("ER", "DNA"), screen.batches, 24)
    assert [(label.name, label.names) for label in spec.labels] == [("perturbation", screen.classes("perturbation")[1])]
    assert not spec.agnostic
    assert image_spec(screen, load_recipe("tiny_ca_mae")).agnostic
    with pytest.raises(UnknownNameError, match="DNA"):
        image_spec(screen, load_recipe("tiny_wsl", ['images.channels=["DNAA"]']))
    alone = replace(recipe, task=replace(recipe.task, config=replace(recipe.task.config, target="cell_type")))
    with pytest.raises(UsageError, match="1 kinds of 'cell_type'; perturbation_classification needs at least two"):
        image_spec(screen, alone)


def test_heads_have_the_classes_and_reconstruction_none(screen: ImageStore) -> None:
    model = registry.module("models", "ca_mae")
    for name, recipe in (("perturbation_classification", "tiny_wsl"), ("masked_image", "tiny_ca_mae")):
        spec = image_spec(screen, load_recipe(recipe))
        task = registry.module("tasks", name).Config()
        network, _ = build_image_network(name, task, "ca_mae", model.PRESETS["tiny_16"], spec)
        heads = getattr(network, "heads", {})
        assert [head.out_features for head in (heads.values() if heads else ())] == (
            [spec.labels[0].classes] if spec.labels else []
        )


def test_runs_of_the_first_release(image_run: Path, screen: ImageStore, tmp_path: Path) -> None:
    new = RunFolder(image_run)
    spec = read_image_spec(new)
    assert spec == image_spec(screen, load_recipe("tiny_ca_mae"))
    copy = tmp_path / "copy"
    shutil.copytree(image_run, copy)
    (copy / "spec.json").unlink()
    released = {"channels": list(spec.channels), "batches": list(spec.batches), "target": "", "classes": []}
    (copy / "images.json").write_text(json.dumps(released))
    assert read_image_spec(RunFolder(copy)) == spec
    state, other = (LoadedImageRun.open(folder, "cpu").network.state_dict() for folder in (image_run, copy))
    assert all(bool((value == other[name]).all()) for name, value in state.items())


def test_the_shipped_encoder_keeps_its_identity() -> None:
    shipped = LoadedImageRun.open(run_path("tiny_cells"), "cpu")
    assert shipped.model_hash == "7fdbd0465c52e01fed295e64dd98c32c595420388285ff4af7c4314b30ef39e6"
    assert shipped.spec.agnostic
    assert len(shipped.spec.labels) == 1 + 193
