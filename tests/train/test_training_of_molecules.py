"""Molecules in training: rows without labels, and what a pretrained run hands on."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from hooke.core.errors import UsageError
from hooke.core.recipe import Named, Recipe
from hooke.core.runs import RunFolder
from hooke.modalities import trainable
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.store import MoleculeStore
from hooke.tasks import attribute_masking, combined, functional_groups
from hooke.train.fit import adapted, fit, prepare, split_of

MOLECULES = trainable("molecules", "fit")


def test_split_and_stores(recipe: Recipe, store: MoleculeStore) -> None:
    found = split_of(store, recipe)
    assert len(found.train) > len(found.test) > 0
    assert MOLECULES.open(store.folder).content_hash == store.content_hash


def test_a_table_without_labels(recipe: Recipe, tmp_path: Path) -> None:
    table = tmp_path / "bare.csv"
    table.write_text("smiles\nCCO\nCCN\nCCC\nCCF\n")
    bare = replace(recipe, data=replace(recipe.data, config=replace(recipe.data.config, path=str(table), targets=[])))
    store = prepare(bare, workers=1, show_progress=False)
    with pytest.raises(UsageError, match="no label"):
        split_of(store, bare)
    free = replace(bare, task=Named("attribute_masking", attribute_masking.Config(), "tasks"))
    assert len(split_of(store, free).train)
    several = combined.Config({"attribute_masking": {}, "contextual_property": {}})
    assert not combined.Task.learns_labels(several)
    assert len(split_of(store, replace(bare, task=Named("combined", several, "tasks"))).train)
    with pytest.raises(UsageError, match="no label"):
        split_of(store, replace(bare, task=Named("combined", combined.Config(), "tasks")))
    found = split_of(store, free)
    assert len(found.train) + len(found.valid) + len(found.test) == 4
    run = fit(free.with_changes(train={"epochs": 1}), runs=tmp_path, store=store, show_progress=False)
    assert run.info["status"] == "finished"


def pretrained(folder: Path, recipe: Recipe, store: MoleculeStore) -> RunFolder:
    run = RunFolder.create(folder, "pretrained", recipe.to_json(), store.content_hash)
    run.write_json("labels.json", [label.to_json() for label in store.labels])
    return run


def test_adapted_takes_model_and_encodings(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    encodings = EncodingConfig(random_walk=7)
    other = replace(recipe.with_section("encodings", **asdict(encodings)), seed=5)
    found = adapted(recipe, pretrained(tmp_path, other, store).folder)
    assert (found.sections["encodings"], found.model, found.seed) == (encodings, other.model, recipe.seed)


def test_adapted_leaves_out_the_encodings_that_were_predicted(
    recipe: Recipe, store: MoleculeStore, tmp_path: Path
) -> None:
    carried = EncodingConfig(random_walk=7, functional_groups=True)
    task = Named("functional_groups", functional_groups.Config(), "tasks")
    other = replace(recipe.with_section("encodings", **asdict(carried)), task=task)
    found = adapted(recipe, pretrained(tmp_path, other, store).folder)
    assert found.sections["encodings"] == EncodingConfig(random_walk=7)
