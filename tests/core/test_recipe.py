"""A recipe is checked as a whole, with the nearest valid names."""

from __future__ import annotations

from pathlib import Path

import pytest

from hooke.core import recipe_files as recipes
from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.recipe import Recipe, TrainSection, load_recipe, resolve


def test_every_built_in_recipe_holds() -> None:
    names = recipes.names()
    assert {"csv", "pocketmix", "pocketmix_assay"} <= set(names)
    for name in names:
        recipe = load_recipe(name)
        assert resolve(recipe.to_json()) == recipe


def test_overrides_and_presets() -> None:
    recipe = load_recipe(
        "pocketmix", ["model.width=48", "train.learning_rate=1e-4", "data.split.kind=scaffold", "seed=3"]
    )
    assert (recipe.model.config.width, recipe.model.config.depth) == (48, 4)
    assert recipe.train.learning_rate == 1e-4
    assert (recipe.split.kind, recipe.seed) == ("scaffold", 3)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.widht=3"], "Did you mean 'model.width'"),
        (["model.name=gin_e"], "Did you mean 'gine'"),
        (["model.preset=tinny"], "Did you mean 'tiny'"),
        (["trian.epochs=3"], "Did you mean 'train'"),
        (["train.epochs=many"], "train.epochs"),
        (["train.epochs=0"], "at least 1"),
        (["train.warmup=2"], "warmup must lie"),
        (["seed=x"], "seed must be a whole number"),
        (["data.name=pocketmax"], "Did you mean 'pocketmix'"),
        (["model=3"], "must be a table"),
        (["model.name=3"], r"model\.name must be a text"),
        (["data.split=3"], r"data\.split must be a table"),
        (["seed=-1"], "at least 0"),
        (['name="a/b"'], "name must be made of letters"),
        (["train.learning_rate=0"], "learning_rate must be above 0"),
        (["train.ema=1"], "never take in a new weight"),
        (["train.clip=-1"], "clip must be at least 0"),
        (["train.encoder_layers=-2"], "encoder_layers must be at least -1"),
        (["data.split.fractions=[0.5, 0.1, 0.1]"], "sum to 1"),
        (["data.split.fractions=[0.0, 0.5, 0.5]"], "leave rows to train on"),
        (["data.split.fractions=[1.2, -0.1, -0.1]"], "sum to 1"),
    ],
)
def test_what_does_not_hold_is_said(overrides: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_recipe("pocketmix", overrides)
    assert caught.value.exit_code == 2


def test_all_problems_are_reported_together() -> None:
    with pytest.raises(UsageError) as caught:
        load_recipe("pocketmix", ["model.widht=3", "train.epochs=x", "data.prt=1"])
    for word in ("model.width", "train.epochs", "data.part"):
        assert word in str(caught.value)


def test_a_file_extends_a_built_in_recipe(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('extends = "pocketmix"\n[train]\nepochs = 7\n')
    recipe = load_recipe(path)
    assert (recipe.name, recipe.train.epochs, recipe.train.batch_size) == ("mine", 7, 64)


def test_changes_in_python() -> None:
    recipe = load_recipe("pocketmix")
    changed = recipe.with_changes(train={"epochs": 2}, split={"seed": 5}, name="other")
    assert isinstance(changed, Recipe)
    assert (changed.train.epochs, changed.split.seed, changed.name) == (2, 5, "other")
    with pytest.raises(ValueError, match="batch_size"):
        TrainSection(batch_size=0)
    with pytest.raises(UnknownNameError):
        load_recipe("pocketmx")
    with pytest.raises(UsageError, match="epochs must be at least 1"):
        recipe.with_changes(train={"epochs": 0})
    with pytest.raises(UnknownNameError, match="Did you mean 'train.epochs'"):
        recipe.with_changes(train={"epoch": 3})


def test_sections_follow_the_modality() -> None:
    images = load_recipe("tiny_ca_mae")
    assert images.modality == "images"
    assert "images" in images.to_json()
    assert "encodings" not in images.to_json()
    molecules = load_recipe("tiny_gine")
    assert molecules.modality == "molecules"
    assert {"encodings", "standardise"} <= set(molecules.to_json())


@pytest.mark.parametrize(
    ("recipe", "override", "message"),
    [
        ("tiny_ca_mae", "encodings.laplacian=2", "'encodings' is about molecules, this recipe about images"),
        ("tiny_gine", "images.crop=32", "'images' is about images, this recipe about molecules"),
        ("tiny_gine", "task.name=masked_image", "task 'masked_image' is about images"),
        ("tiny_ca_mae", "images.crop=-1", "crop must be at least 0"),
    ],
)
def test_one_recipe_is_about_one_thing(recipe: str, override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_recipe(recipe, [override])


def test_data_model_and_task_agree() -> None:
    with pytest.raises(UsageError, match="data 'horlbeck' is about cells, model 'vit' is about images"):
        resolve({"data": {"name": "horlbeck"}, "model": {"name": "vit"}, "task": {"name": "masked_image"}})
