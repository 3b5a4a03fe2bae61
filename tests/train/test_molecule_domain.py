"""Molecules as a domain: rows without labels, and what a pretrained run hands on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hooke.core.errors import UsageError
from hooke.core.recipe import Named, Recipe
from hooke.core.runs import RunFolder
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.store import MoleculeStore
from hooke.tasks import attribute_masking, combined, functional_groups
from hooke.train import molecule_domain
from hooke.train.fit import fit


def test_split_and_stores(recipe: Recipe, store: MoleculeStore) -> None:
    found = molecule_domain.split(store, recipe)
    assert len(found.train) > len(found.test) > 0
    assert molecule_domain.open_store(store.folder).content_hash == store.content_hash
    molecule_domain.check(store, recipe)


def test_a_table_without_labels(recipe: Recipe, tmp_path: Path) -> None:
    table = tmp_path / "bare.csv"
    table.write_text("smiles\nCCO\nCCN\nCCC\nCCF\n")
    bare = replace(recipe, data=replace(recipe.data, config=replace(recipe.data.config, path=str(table), targets=[])))
    store = molecule_domain.prepare(bare, workers=1, show_progress=False)
    with pytest.raises(UsageError, match="no label"):
        molecule_domain.check(store, bare)
    free = replace(bare, task=Named("attribute_masking", attribute_masking.Config()))
    molecule_domain.check(store, free)
    several = combined.Config({"attribute_masking": {}, "contextual_property": {}})
    assert not combined.Task.learns_labels(several)
    molecule_domain.check(store, replace(bare, task=Named("combined", several)))
    with pytest.raises(UsageError, match="no label"):
        molecule_domain.check(store, replace(bare, task=Named("combined", combined.Config())))
    found = molecule_domain.split(store, free)
    assert len(found.train) + len(found.valid) + len(found.test) == 4
    run = fit(free.with_changes(train={"epochs": 1}), runs=tmp_path, store=store, show_progress=False)
    assert run.info["status"] == "finished"


def pretrained(folder: Path, recipe: Recipe, store: MoleculeStore) -> RunFolder:
    run = RunFolder.create(folder, "pretrained", recipe.to_json(), store.content_hash)
    run.write_json("labels.json", [label.to_json() for label in store.labels])
    return run


def test_adapted_takes_model_and_encodings(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    other = replace(recipe, encodings=EncodingConfig(random_walk=7), seed=5)
    found = molecule_domain.adapted(recipe, other, pretrained(tmp_path, other, store))
    assert (found.encodings, found.model, found.seed) == (other.encodings, other.model, recipe.seed)


def test_adapted_leaves_out_the_encodings_that_were_predicted(
    recipe: Recipe, store: MoleculeStore, tmp_path: Path
) -> None:
    carried = EncodingConfig(random_walk=7, functional_groups=True)
    other = replace(recipe, encodings=carried, task=Named("functional_groups", functional_groups.Config()))
    found = molecule_domain.adapted(recipe, other, pretrained(tmp_path, other, store))
    assert found.encodings == EncodingConfig(random_walk=7)
