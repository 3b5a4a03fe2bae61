"""Molecules in training: rows without labels, and what a pretrained run hands on."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

import hooke
from hooke.core.errors import UsageError
from hooke.core.recipe import Named, Recipe
from hooke.core.runs import RunFolder
from hooke.inference.predict import predict_in_memory
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


@pytest.mark.parametrize(
    "model", [["model.name=ridge"], ["model.name=dmpnn", "model.preset=tiny", "train.epochs=2", "train.ensemble=1"]]
)
def test_small_differences_on_a_large_offset_are_learnt_like_differences(
    model: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """32 bits hold multiples of 8 at 1e8; labels 1e8 + d give the stores, metrics and predictions of labels d, and it is said."""
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    smiles = ["CCO", *("C" * number + tail for number in range(1, 12) for tail in ("O", "N", "c1ccccc1"))]
    differences = [0.0, *(0.25 * ((7 * number) % 31 - 15) for number in range(1, len(smiles)))]
    runs, found = {}, {}
    for offset in (0.0, 1e8):
        rows = [f"{text},{offset + value!r}" for text, value in zip(smiles, differences, strict=True)]
        table = tmp_path / f"t{offset:g}.csv"
        table.write_text("\n".join(["smiles,y", *rows]))
        runs[offset] = hooke.fit(
            csv=table,
            overrides=[*model, "train.threads=1"],
            runs=tmp_path / "runs",
            report=False,
            show_progress=False,
            workers=0,
        )
        found[offset] = predict_in_memory(runs[offset].folder, ["CCCO", "CCN", "Cc1ccccc1"])
    stores = [MoleculeStore.open(Path(run.run.info["store"])) for run in runs.values()]
    assert np.array_equal(stores[0].graph_labels()[0], stores[1].graph_labels()[0], equal_nan=True)
    assert stores[1].labels[0].offset == 1e8
    for column in ("y", "y_lower", "y_upper"):
        if column in found[0.0].columns:
            plain, large = (found[offset][column].to_numpy().astype(np.float64) for offset in (0.0, 1e8))
            np.testing.assert_allclose(large - 1e8, plain, atol=1e-6)
    assert runs[0.0].metrics == runs[1e8].metrics
    told = "y: stored, learnt and measured as differences from 100000000"
    assert any(line.startswith(told) for line in runs[1e8].summary().splitlines())
    assert "differences from" not in runs[0.0].summary()
