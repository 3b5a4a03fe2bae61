"""shelfmix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from hooke.core.errors import UnknownNameError
from hooke.core.how import QUIET, How
from hooke.core.recipe import Named, load_recipe
from hooke.datasets import csv, shelfmix
from hooke.datasets.shelfmix import (
    MEMBERS,
    PERMISSIVE,
    SUITES,
    Config,
    Dataset,
    held_out_blocks,
    held_out_molecules,
    table_of,
)
from hooke.molecules.held_out import blocks_of, first_block, held_out
from hooke.molecules.parse import parse
from hooke.molecules.tables.staging import HELD_OUT
from hooke.molecules.tables.twins import write_twin_table
from hooke.train.fit import finetune, fit


def test_members_are_named_through_the_registry() -> None:
    assert len(MEMBERS) == 16
    assert PERMISSIVE == ("tox21", "toxcast", "muv", "freesolv", "qm9", "pcqm4mv2")  # the recipe of the encoder "tiny"
    assert all(table_of(home, name).labels for name, home in MEMBERS.items())
    with pytest.raises(UnknownNameError):
        table_of("shelf", "tox21")
    with pytest.raises(UnknownNameError, match="tox21"):
        Config(tables="tox2")
    with pytest.raises(ValueError, match="muv_share"):
        Config(muv_share=0)
    assert Dataset(Config(held_out="none")).held_out == ()
    assert Dataset(Config()).held_out == tuple(SUITES)
    assert set(Dataset(Config(tables="permissive")).tables) == set(PERMISSIVE)


def test_the_twin_lacks_what_is_tested_on(tmp_path: Path) -> None:
    store = Dataset(Config()).twin(tmp_path)
    assert not held_out(store.smiles()).any()
    rejected = pl.read_parquet(store.folder / "rejected.parquet")
    assert (rejected["reason"] == HELD_OUT).sum() == store.metadata["held_out"] > 0
    assert {label.source for label in store.labels} == {"tox21", "esol", "qm9", "pocketmix"}
    assert [label.name for label in store.level_labels("node")] == ["pocketmix/charge"]
    described = Dataset(Config(descriptors=True)).twin(tmp_path)
    assert {label.source for label in described.labels} == {"tox21", "esol", "qm9", "pocketmix", "descriptors"}


def test_what_is_held_out_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path))
    calls = []
    monkeypatch.setattr(shelfmix, "held_out_molecules", lambda home, *_: calls.append(home) or ["CCO", "bad", "C"])
    blocks = held_out_blocks("shelf")
    assert held_out_blocks("shelf") == blocks == blocks_of(["CCO", "C"])
    assert calls == ["shelf"]


@pytest.mark.parametrize("name", ["shelfmix", "shelfmix_tiny"])
def test_its_recipes_take_ten_steps_on_the_twin_and_are_fine_tuned(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    short = ["train.max_steps=10", "train.batch_size=16", "train.threads=1", "train.accelerator=cpu"]
    recipe = load_recipe(name, short)
    monkeypatch.setattr(shelfmix, "QUIET", How(0, False, recipe.sections))
    store = Dataset(recipe.data.config).twin(tmp_path)
    run = fit(recipe, runs=tmp_path / "runs", store=store, show_progress=False)
    assert (run.recipe["model"]["width"], run.recipe["task"]["balance"]) == (128, 0.5)
    small = load_recipe("shelfmix_finetune", short)
    assert small.to_json()["model"] == run.recipe["model"]  # from scratch it is the same network
    path = write_twin_table(tmp_path / "assay.csv", seed=0, rows=64)
    assay = replace(small, data=Named("csv", csv.Config(path=str(path)), "datasets"))
    tuned = finetune(run.folder, assay, runs=tmp_path / "runs", workers=1, show_progress=False)
    assert tuned.info["status"] == "finished"


@pytest.mark.mirror
def test_real_members_without_the_test_molecules_of_a_suite(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hooke.datasets import moleculenet

    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    few = {name: moleculenet.TABLES[name] for name in ("esol", "freesolv")}
    monkeypatch.setattr(moleculenet, "TABLES", few)
    dataset = Dataset(Config(tables="esol,freesolv,zinc", held_out="moleculenet"))
    store = dataset.prepare(tmp_path, QUIET)
    tested = blocks_of(held_out_molecules("moleculenet", QUIET))
    assert store.metadata["held_out"] > 100
    assert not {first_block(parse(text)) for text in store.smiles()} & tested
    assert store.metadata["ingest"]["rows_read"] == 1128 + 642 + 1002
    assert [label.name for label in store.labels] == [
        "freesolv/freesolv",
        "esol/logp",
        "zinc/SA",
        "zinc/logp",
        "zinc/score",
    ]
