"""Profiles through every door: fit, baselines, finetune, embed, predict; features by name; splits by metadata."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import hooke
from hooke.cells.profiles import Profiles
from hooke.cells.store import ProfileStore
from hooke.cells.targets import LEVEL
from hooke.core.errors import DataError, UnknownNameError, UsageError
from hooke.core.how import QUIET
from hooke.core.recipe import Recipe, load_recipe
from hooke.core.types import Batch
from hooke.datasets.profiles import Config, Dataset
from hooke.inference.embed import embed
from hooke.inference.loaded import LoadedRun
from hooke.inference.predict import predict, predict_in_memory
from hooke.modalities import modality_of_store, readable, trainable
from hooke.modalities.cells import MODALITY, ProfileSource, TableOptions
from hooke.nn.contract import ContractError
from hooke.studies.plan import plan_recipe
from hooke.studies.run_report import data_section, write_run_report
from hooke.train.fit import adapted, finetune, fit

SMALL = (
    "model.preset=tiny",
    "train.epochs=30",
    "train.learning_rate=0.01",
    "train.batch_size=16",
    "train.threads=1",
    "train.accelerator=cpu",
    "train.ensemble=2",
)


def recipe(*changes: str) -> Recipe:
    return load_recipe("profiles", [*SMALL, *changes])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ProfileStore:
    """Three plates of eight perturbations in two wells and four controls; perturbation and viability are learnt."""
    return Dataset(Config()).twin(tmp_path_factory.mktemp("twin"), seed=0)


@pytest.fixture(scope="module")
def run(store: ProfileStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two small networks."""
    return fit(recipe(), runs=tmp_path_factory.mktemp("runs"), store=store, show_progress=False).folder


def test_it_is_found_and_can_do_all() -> None:
    assert trainable("cells", "fit") is MODALITY
    assert readable("cells", "embed") is MODALITY
    sample = MODALITY.sample(0)
    batch = sample.batch([3, 1], sample.spec)
    assert isinstance(batch, Batch)
    assert batch.rows.tolist() == [3, 1]
    again = MODALITY.sample(0).batch([3, 1], sample.spec)
    assert np.array_equal(batch.values, again.values, equal_nan=True)
    less = sample.batch([3], replace(sample.spec, labels=sample.spec.labels[2:], features=("feature_6", "feature_0")))
    assert np.array_equal(less.values, batch.values[:1, [6, 0]], equal_nan=True)
    assert np.array_equal(less.targets[LEVEL], batch.targets[LEVEL][:1, 2:], equal_nan=True)
    assert sample.batch([3], replace(sample.spec, labels=())).targets == {}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [("missing", "NaN"), ("flat", "constant"), ("nameless", "says nothing"), ("unlabelled", "known gene")],
)
def test_stores_that_a_data_set_must_not_make(wrong: str, message: str, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(9, 2))
    if wrong == "missing":
        values[0, 0] = np.nan
    if wrong == "flat":
        values[:, 1] = 1
    names = pl.DataFrame({"dish" if wrong == "nameless" else "gene": [f"G{row % 3}" for row in range(9)]})
    targets = ["gene"] if wrong == "unlabelled" else []
    store = ProfileStore.write(Profiles.of_embeddings(values, names), tmp_path / "store", targets=targets)
    store.targets[:] = np.nan
    [check] = MODALITY.checks().stores.values()
    with pytest.raises(ContractError, match=message):
        check(store)
    with pytest.raises(ContractError, match=r"not cells\.store\.ProfileStore"):
        check(values)


def test_description(store: ProfileStore) -> None:
    found = MODALITY.describe(store)
    assert (found.fields["profiles"], found.fields["features"], found.fields["batches"]) == (60, 12, 3)
    assert (found.fields["controls"], found.fields["labels"], found.left_out) == (12, 2, "")
    assert [label.count for label in found.section.labels] == [60, 60]
    assert not any("simulated" in note for note in found.section.notes)


def test_quality_and_plan(store: ProfileStore, wells: Profiles, tmp_path: Path) -> None:
    counted = ProfileStore.write(wells, tmp_path / "wells")
    about, opened = modality_of_store(counted.folder)
    assert about is MODALITY
    found = about.quality(opened)
    assert found.columns == ["experiment", "plate", "well", "passed", "reason"]
    assert len(found) == len(wells)
    with pytest.raises(UsageError, match="no quality column"):
        MODALITY.quality(store)
    rows = plan_recipe(recipe(), data=["1M"])
    assert rows[0].items == 10**6
    assert rows[0].encoder_parameters == 1024 * 32 + 32 + 32 * 32 + 32 + 4 * 32
    named = plan_recipe(recipe("profiles.features=['a', 'b']"), data=["1M"])[0]
    assert named.encoder_parameters == rows[0].encoder_parameters - 1022 * 32


def test_statistics_are_those_of_the_training_rows(store: ProfileStore) -> None:
    spec = MODALITY.spec(store, np.arange(40), recipe())
    np.testing.assert_allclose(spec.statistics[LEVEL].mean[1], store.targets[:40, 1].mean(), rtol=1e-6)
    again = type(spec).from_json(json.loads(json.dumps(spec.to_json())))
    assert np.array_equal(again.statistics[LEVEL].std, spec.statistics[LEVEL].std)
    assert again.labels == spec.labels


def test_a_network_learns_and_is_measured(run: Path, store: ProfileStore) -> None:
    loaded = LoadedRun.open(run, "cpu")
    metrics = loaded.run.read_json("metrics.json")["test"][LEVEL]
    assert metrics["perturbation"]["accuracy"] > 0.5  # chance is 1/5 for controls, 1/10 for each other
    assert metrics["viability"]["r2"] > 0
    assert set(loaded.calibration) == {"perturbation", "viability"}
    assert loaded.spec.batches == ("day0", "day1", "day2")
    split = pl.read_parquet(run / "split.parquet")["split"].to_list()
    plates = store.metadata["plate"].to_list()
    assert len(set(zip(plates, split, strict=True))) == 3  # whole plates
    table = pl.read_parquet(run / "predictions_test.parquet")
    assert table.columns[:3] == ["row", "plate", "well"]
    assert len(table) == 20


@pytest.mark.parametrize("name", ["mean", "nearest", "ridge"])
def test_estimators_see_the_profile_itself(name: str, store: ProfileStore, tmp_path: Path) -> None:
    made = fit(recipe(f"model.name={name}"), runs=tmp_path, store=store, show_progress=False)
    loaded = LoadedRun.open(made.folder, "cpu")
    accuracy = made.read_json("metrics.json")["test"][LEVEL]["perturbation"]["accuracy"]
    assert accuracy == 0.2 if name == "mean" else accuracy > 0.4
    found = predict_in_memory(loaded, store)
    assert found["perturbation_set"].is_not_null().all()
    assert (found["viability_lower"] <= found["viability_upper"]).all()
    if name == "nearest":  # itself, where it was trained on
        train = pl.read_parquet(made.path("split.parquet"))["split"] == "train"
        assert (found["perturbation"] == found["perturbation_input"]).filter(train).all()


def test_baselines_and_report(run: Path) -> None:
    loaded = LoadedRun.open(run, "cpu")
    page = write_run_report(loaded.run, show_progress=False).read_text()
    for word in ("nearest", "ridge", "mean", "perturbation", "profiles"):
        assert word in page


def test_predict_and_embed_from_tables_and_stores(run: Path, store: ProfileStore, tmp_path: Path) -> None:
    path = store.profiles().write(tmp_path / "wells.parquet")
    tables = []
    for number, source in enumerate((store, store.folder, path)):
        report = predict(run, source, tmp_path / f"{number}.parquet", device="cpu", show_progress=False)
        assert (report.rows, report.done) == (60, 60)
        tables.append(pl.read_parquet(tmp_path / f"{number}.parquet"))
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])
    assert {"plate", "well", "perturbation_input", "perturbation", "perturbation_set", "viability_lower"} <= set(
        tables[0].columns
    )
    embed(run, path, tmp_path / "vectors.parquet", device="cpu", batch_size=7, show_progress=False)
    vectors = Profiles.read(tmp_path / "vectors.parquet")
    assert vectors.values.shape == (60, 32)
    memory = LoadedRun.open(run, "cpu").embed(store.profiles())
    np.testing.assert_allclose(vectors.values, memory, rtol=1e-5, atol=1e-5)


def test_rows_without_numbers_and_without_features(run: Path, store: ProfileStore, tmp_path: Path) -> None:
    profiles = store.profiles()
    values = profiles.values.copy()
    values[4] = np.nan
    values[5, 3] = np.nan
    path = profiles.with_values(values).write(tmp_path / "gaps.parquet")
    report = predict(run, path, tmp_path / "out.parquet", device="cpu", show_progress=False)
    assert report.reasons == {"the profile holds no number": 1}
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found["viability"].is_null().arg_true().to_list() == [4]
    whole = predict_in_memory(run, store, device="cpu")
    np.testing.assert_allclose(found["viability"][6:].to_numpy(), whole["viability"][6:].to_numpy(), rtol=1e-5)
    narrow = profiles.with_values(profiles.values[:, :5]).write(tmp_path / "narrow.parquet")
    with pytest.raises(DataError, match="these embeddings have 5 numbers, not 12"):
        predict(run, narrow, tmp_path / "narrow_out.parquet", device="cpu", show_progress=False)


def test_a_joined_table(store: ProfileStore, tmp_path: Path) -> None:
    table = tmp_path / "lots.csv"
    table.write_text("plate,lot\nP0,a\nP1,b\n")
    spec = MODALITY.sample(0).spec
    named = store.profiles().with_values(store.values()[:, :7], spec.features)
    path = named.write(tmp_path / "wells.parquet")
    source = MODALITY.source(path, spec, TableOptions(str(table)), batch_size=8)
    assert "lot" in source.schema.names
    plain = ProfileSource(path, spec, TableOptions(), 8)
    assert source.content_hash() != plain.content_hash()
    kept = ProfileStore.write(named, tmp_path / "store")
    joined = ProfileSource(kept, spec, TableOptions(str(table)), 8)
    assert joined.chunk(0).table["lot"].to_pylist()[:20] == ["a"] * 20
    memory = ProfileSource(named, spec, TableOptions(str(table)), 8)
    assert memory.chunk(0).table["lot"].to_pylist()[:20] == ["a"] * 20
    assert joined.content_hash() not in (kept.content_hash, ProfileSource(kept, spec, TableOptions(), 8).content_hash())


def test_a_source_travels_to_workers(store: ProfileStore, tmp_path: Path) -> None:
    spec = MODALITY.spec(store, np.arange(60), recipe("profiles.features=['embedding_4', 'embedding_2']"))
    assert spec.features == ("embedding_4", "embedding_2")
    source = ProfileSource(store.folder, spec, TableOptions(), 16)
    other = pickle.loads(pickle.dumps(source))
    first, second = source.chunk(0), other.chunk(0)
    assert first.table.equals(second.table)
    batches = list(first.batches)
    assert [batch.num_items for batch in batches] == [16, 16, 16, 12]
    assert np.array_equal(batches[0].values.numpy(), store.values()[:16][:, [4, 2]])
    assert np.array_equal(list(second.batches)[3].values, batches[3].values)
    assert list(source.jobs(skip=1)) == []
    assert source.name == store.folder.name
    memory = ProfileSource(store.profiles(), spec, TableOptions(), 16)
    assert memory.content_hash() == ProfileSource(store.profiles(), spec, TableOptions(), 16).content_hash()
    assert memory.name == "profiles"
    assert memory.chunk(0).table.equals(first.table)


def test_finetuning_keeps_the_features(run: Path, store: ProfileStore, tmp_path: Path) -> None:
    order = [*range(11, -1, -1)]
    names = [f"embedding_{number}" for number in order]
    turned = Profiles(
        store.values()[:, order], store.metadata, tuple(names)
    )  # the same features, stored in another order
    other = ProfileStore.write(turned, tmp_path / "turned", targets=["batch"])
    made = finetune(run, recipe("train.epochs=2"), runs=tmp_path, store=other, mode="probe", show_progress=False)
    before, after = LoadedRun.open(run, "cpu"), LoadedRun.open(made.folder, "cpu")
    assert after.spec.features == before.spec.features == tuple(f"embedding_{number}" for number in range(12))
    np.testing.assert_allclose(after.embed(other), before.embed(store), rtol=1e-5, atol=1e-5)
    assert adapted(recipe(), run).sections["profiles"].features == before.spec.features
    few = ProfileStore.write(
        store.profiles().with_values(store.values()[:, :5]), tmp_path / "few", targets=["perturbation"]
    )
    with pytest.raises(DataError, match="these embeddings have 5 numbers"):
        finetune(run, recipe(), runs=tmp_path, store=few, show_progress=False)


def test_batches_of_a_loader(store: ProfileStore) -> None:
    chosen = recipe()
    spec = MODALITY.spec(store, np.arange(40), chosen)
    found = list(MODALITY.loader(store, np.array([59, 0, 21]), spec, chosen, part="predict").epoch(0))
    assert len(found) == 1
    assert found[0].rows.tolist() == [59, 0, 21]
    assert np.array_equal(found[0].values.numpy(), store.values(np.array([59, 0, 21])))
    assert np.array_equal(found[0].targets[LEVEL].numpy(), store.targets[[59, 0, 21]])
    assert found[0].batch_index is not None
    assert found[0].batch_index.tolist() == [2, 0, 1]
    training = MODALITY.loader(store, np.arange(40), spec, chosen, part="train", seed=1)
    rows = [np.concatenate([batch.rows for batch in training.epoch(number)]) for number in (0, 1, 0)]
    assert sorted(rows[0].tolist()) == list(range(40))
    assert rows[0].tolist() == rows[2].tolist() != rows[1].tolist()
    assert spec.feature_statistics is not None
    np.testing.assert_allclose(spec.feature_statistics.mean, store.values()[:40].mean(axis=0), rtol=1e-4, atol=1e-6)


def test_profiles_by_which_people_know_them(store: ProfileStore, tmp_path: Path) -> None:
    assert list(MODALITY.identify(store, np.array([2, 5]))) == ["plate", "well"]
    genes = Profiles.of_embeddings(np.eye(3), pl.DataFrame({"entity": ["a", "b", "c"], "gene": ["a", "b", "c"]}))
    named = ProfileStore.write(genes, tmp_path / "genes", targets=["gene"])
    assert MODALITY.identify(named, np.array([1]))["entity"].to_list() == ["b"]
    bare = ProfileStore.write(Profiles.of_embeddings(np.eye(3), pl.DataFrame({"lot": [1, 2, 3]})), tmp_path / "bare")
    assert MODALITY.identify(bare, np.array([2]))["profile"].tolist() == [2]


def test_rows_that_teach_nothing_and_wrong_recipes(store: ProfileStore, tmp_path: Path) -> None:
    some = store.metadata.with_columns(
        perturbation=pl.when(pl.col("plate") == "P1").then(None).otherwise("perturbation")
    )
    partly = ProfileStore.write(
        Profiles(store.values(), some, store.features), tmp_path / "partly", targets=["perturbation"]
    )
    assert MODALITY.usable(partly, np.arange(60), recipe()).tolist() == [*range(20), *range(40, 60)]
    unlabelled = ProfileStore.write(store.profiles(), tmp_path / "unlabelled")
    with pytest.raises(UsageError, match="carries no label"):
        fit(recipe(), runs=tmp_path, store=unlabelled, show_progress=False)
    with pytest.raises(UnknownNameError, match="kind of split of cells 'scaffold'"):
        recipe("data.split.kind=scaffold")
    with pytest.raises(UsageError, match="label_share does not apply to cells"):
        recipe("data.split.label_share=0.5")
    with pytest.raises(UnknownNameError, match="metadata column"):
        fit(recipe("data.split.kind=group", "data.split.column=lot"), runs=tmp_path, store=store, show_progress=False)


def test_what_came_in_is_used_or_listed(wells: Profiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOKE_CACHE", str(tmp_path / "cache"))
    count = len(wells)
    words = np.array(["train", "valid", "Test", "tarin", "train"])[np.arange(count) % 5]
    words[-1], value = "", np.arange(count, dtype=float)
    value[0] = np.nan
    table = wells.metadata.with_columns(pl.Series("part", words), pl.Series("value", value))
    Profiles(wells.values, table, wells.features).write(tmp_path / "w.parquet")
    changes = ["data.split.kind=column", "data.split.column=part", "data.split.train_share=0.5", "model.name=mean"]
    made = hooke.fit(
        "profiles", overrides=[f"data.path={tmp_path / 'w.parquet'}", "data.target=value", *changes], runs=tmp_path / "runs",
        report=False, show_progress=False,
    )  # fmt: skip
    said = made.to_json()["choices"]["split"]
    assert sum(said["rows"].values()) + sum(said["left_out"].values()) == count
    misspelt = "with 'tarin' in 'part' (did you mean 'train'?)"
    assert said["left_out"][misspelt] == (words == "tarin").sum()
    assert said["left_out"]["with nothing in 'part'"] == said["left_out"]["without a label"] == 1
    assert said["left_out"]["beyond the share of 0.5 of the training rows"] == said["rows"]["train"]
    assert f"left    {(words == 'tarin').sum()} in no part: {misspelt}" in made.summary().splitlines()
    section = data_section(made.run, ProfileStore.open(Path(made.run.info["store"])))
    assert sum(part.value for part in section.parts) == section.rows_kept == count
    assert any(misspelt in note for note in section.notes)


def test_the_tiny_recipe_is_simulated_and_says_so(tmp_path: Path) -> None:
    chosen = load_recipe("tiny_profiles", ["train.epochs=2", "train.threads=1"])
    from hooke.core import registry

    data = registry.module("datasets", chosen.data.name).Dataset(chosen.data.config).prepare(tmp_path, QUIET)
    made = fit(chosen, runs=tmp_path / "runs", store=data, show_progress=False)
    assert made.info["simulated"] is True
    assert made.info["rows"] == {"train": 10, "valid": 10, "test": 10}
    assert any("simulated" in note for note in MODALITY.describe(data).section.notes)
    report = embed(made.folder, data, tmp_path / "wells.parquet", device="cpu", show_progress=False)
    assert report.facts["simulated"] is True
