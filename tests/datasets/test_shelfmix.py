"""shelfmix."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
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
    assert len(MEMBERS) == 17
    named = ("tox21", "toxcast", "muv", "freesolv", "qm9", "pcqm4mv2", "zinc250k")  # the recipe of the encoder "tiny"
    assert named == PERMISSIVE
    assert [name for name, home in MEMBERS.items() if not table_of(home, name).labels] == ["zinc250k"]
    with pytest.raises(UnknownNameError):
        table_of("shelf", "tox21")
    with pytest.raises(UnknownNameError, match="tox21"):
        Config(tables="tox2")
    with pytest.raises(ValueError, match="muv_share"):
        Config(muv_share=0)
    with pytest.raises(ValueError, match="vectors_weight must be above 0"):
        Config(vectors="v.parquet", vectors_weight=0)
    with pytest.raises(ValueError, match="components must be 0"):
        Config(vectors="v.parquet", components=-1)
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
    rows = store.metadata["tables"]["zinc250k"]["rows_kept"]
    assert store.metadata["ingest"]["unlabelled"] == rows > 20
    assert described.metadata["ingest"]["unlabelled"] == 0


def test_vectors_of_another_encoder_are_learnt_beside_the_labels(tmp_path: Path) -> None:
    smiles = Dataset(Config()).twin(tmp_path).smiles()
    taught = smiles[::2]
    values = np.random.default_rng(0).normal(size=(len(taught), 6))
    column = pl.Series("embedding", values.tolist(), dtype=pl.Array(pl.Float32, 6))
    pl.DataFrame({"smiles": taught}).with_columns(column).write_parquet(tmp_path / "other.parquet")
    store = Dataset(Config(vectors=str(tmp_path / "other.parquet"), components=4)).twin(tmp_path)
    labels = [label.name for label in store.labels if label.source == "other"]
    assert labels == [f"other/pc{number:03d}" for number in range(4)]
    known = np.isin(smiles, taught)
    np.testing.assert_array_equal(~np.isnan(store.graph_labels(names=labels)[0]).any(axis=1), known)
    assert store.metadata["vectors"]["matched"] == known.sum() < store.metadata["vectors"]["molecules"] == len(smiles)


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
def test_rows_read_are_rows_kept_and_test_molecules_of_the_suites(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hooke.core import registry

    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    few = {
        "admet": ("pgp_substrate", "biogen_rppb"),
        "moleculeace": ("CHEMBL2835_Ki",),
        "moleculenet": ("esol", "freesolv"),
    }
    for suite, names in few.items():
        module = registry.module("datasets", suite)
        monkeypatch.setattr(module, "TABLES", {name: module.TABLES[name] for name in names})
    dataset = Dataset(Config(tables="esol,freesolv,zinc"))
    store = dataset.prepare(tmp_path, QUIET)
    tested = {suite: blocks_of(held_out_molecules(suite, QUIET)) for suite in SUITES}
    assert all(len(blocks) > 10 for blocks in tested.values())
    excluded = frozenset().union(*tested.values())
    assert not {first_block(parse(text)) for text in store.smiles()} & excluded
    read = {"esol": 1128, "freesolv": 642, "zinc": 1002}
    assert {name: counts["rows_read"] for name, counts in store.metadata["tables"].items()} == read
    assert store.metadata["ingest"]["rows_read"] == sum(read.values()) == len(store) + store.metadata["held_out"]
    rejected = pl.read_parquet(store.folder / "rejected.parquet")
    assert set(rejected["reason"]) == {HELD_OUT}
    assert {first_block(parse(text)) for text in rejected["value"]} <= excluded
    assert [label.name for label in store.labels] == [
        "freesolv/freesolv",
        "esol/logp",
        "zinc/SA",
        "zinc/logp",
        "zinc/score",
    ]
