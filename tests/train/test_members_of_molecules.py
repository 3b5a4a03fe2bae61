"""Batches of molecules, and the network of a member."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from hooke.core.errors import DataError, UsageError
from hooke.core.options import plain
from hooke.core.recipe import Recipe, load_recipe, resolve
from hooke.core.runs import RunFolder
from hooke.inference.loaded import LoadedRun
from hooke.inference.predict import predict
from hooke.modalities import trainable
from hooke.molecules.statistics import label_statistics
from hooke.molecules.store import MoleculeStore
from hooke.nn.weights import read_weights
from hooke.nn.width_transfer import rate_factors
from hooke.tasks import gpse
from hooke.train.fit import fit
from hooke.train.member import Member

MOLECULES = trainable("molecules", "fit")


def member_of(run: RunFolder, recipe: Recipe, store: MoleculeStore, number: int = 0) -> Member:
    rows = np.arange(60)
    spec = MOLECULES.spec(store, rows, recipe)
    return Member(run, recipe, spec, store.folder, rows, np.arange(60, 80), number)


def test_molecules_of_similar_size_share_a_batch(recipe: Recipe, store: MoleculeStore) -> None:
    sizes, rows = store.atom_counts, np.arange(80)
    changed = recipe.with_changes(train={"batch_size": 8})
    loader = MOLECULES.loader(store, rows, MOLECULES.spec(store, rows, recipe), changed, part="train", seed=0)
    assert np.mean([np.ptp(sizes[rows]) for rows in loader.order(0)]) < 0.5 * np.ptp(sizes)
    assert sum(batch.num_items for batch in loader.epoch(0)) == 80


def test_evaluation_keeps_the_given_order(recipe: Recipe, store: MoleculeStore) -> None:
    rows = np.array([7, 3, 60, 1])
    spec = MOLECULES.spec(store, rows, recipe)
    for part in ("valid", "predict"):
        [batch] = MOLECULES.loader(store, rows, spec, recipe, part=part).epoch(0)
        assert batch.rows.tolist() == rows.tolist()


def test_a_member_builds_the_same_network_again(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "small", recipe.to_json(), store.content_hash)
    member = member_of(run, recipe, store, 1)
    first, again = member.network()[0], member.network()[0]
    assert all((one == other).all() for one, other in zip(first.parameters(), again.parameters(), strict=True))
    assert (member.seed, member.folder) == (1, run.path("members/1"))
    train, valid = member.loaders(rank=0, world=1)
    assert sum(batch.num_items for batch in train.epoch(0)) == 60
    assert sum(batch.num_items for batch in valid.epoch(0)) == 20


def test_width_transfer_is_the_standard_network_at_the_base_and_trains_at_another(
    recipe: Recipe, store: MoleculeStore, tmp_path: Path
) -> None:
    def member(width: int) -> Member:
        changed = recipe.with_changes(train={"width_transfer": {"width": width}})
        run = RunFolder.create(tmp_path, "small", changed.to_json(), store.content_hash)
        assert resolve(changed.to_json()) == changed
        return member_of(run, changed, store)

    standard = replace(member(16), recipe=recipe).network()[0].state_dict()
    same, wider = member(16).network()[0], member(8).network()[0]
    assert all(torch.equal(value, standard[name]) for name, value in same.state_dict().items())
    assert set(rate_factors(wider).values()) == {1.0, 0.5}
    assert not torch.equal(wider.state_dict()["heads.graph.layers.2.weight"], standard["heads.graph.layers.2.weight"])
    assert torch.equal(wider.state_dict()["heads.graph.layers.0.weight"], standard["heads.graph.layers.0.weight"])


def test_width_transfer_names_options_of_the_model(recipe: Recipe) -> None:
    with pytest.raises(UsageError, match="Did you mean 'train.width_transfer.width'"):
        resolve({**recipe.to_json(), "train": {"width_transfer": {"with": 8}}})
    with pytest.raises(UsageError, match="width_transfer does not apply to images"):
        load_recipe("tiny_mae", ["train.width_transfer={width = 8}"])


def test_training_sees_a_share_of_the_labels(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    changed = recipe.with_changes(split={"label_share": 0.5, "train_share": 0.5})
    run = RunFolder.create(tmp_path, "small", changed.to_json(), store.content_hash)
    member = member_of(run, changed, store)
    train, valid = member.loaders(rank=0, world=1)
    seen = sum(int((~batch.targets["graph"].isnan()).sum()) for batch in train.epoch(0))
    again = sum(int((~batch.targets["graph"].isnan()).sum()) for batch in train.epoch(1))
    every = int((~np.isnan(store.graph_labels(np.arange(60))[0])).sum())
    assert 0.3 * every < seen == again < 0.7 * every
    everything = int((~np.isnan(store.graph_labels(np.arange(60, 80))[0])).sum())
    assert sum(int((~batch.targets["graph"].isnan()).sum()) for batch in valid.epoch(0)) == everything
    statistics = label_statistics(store, np.arange(60), share=0.5, seed=changed.seed)
    assert int(statistics["graph"].count.sum()) == seen


def test_shares_lie_between_nothing_and_all(recipe: Recipe) -> None:
    for name in ("label_share", "train_share"):
        with pytest.raises(UsageError, match=f"{name} must be above 0 and at most 1"):
            recipe.with_changes(split={name: 0.0})
    with pytest.raises(UsageError, match="label_share does not apply to images"):
        load_recipe("tiny_mae", ["data.split.label_share=0.5"])


def test_a_learned_encoding_comes_from_its_run_and_is_saved_with_the_network(
    recipe: Recipe, store: MoleculeStore, tmp_path: Path
) -> None:
    mapping = recipe.to_json()
    encodings = plain(gpse.Config().targets)
    pretraining = {
        **mapping,
        "encodings": encodings,
        "model": {"name": "gpse", "preset": "tiny", "width": 24},  # no preset has these options
        "task": {"name": "gpse"},
    }
    pretraining["train"] = {**mapping["train"], "epochs": 1}
    source = fit(resolve(pretraining), runs=tmp_path / "runs", show_progress=False)
    mapping["train"] |= {"epochs": 2, "learned_from": str(source.folder)}
    run = fit(resolve(mapping), runs=tmp_path / "runs", store=store, show_progress=False)
    weights = read_weights(run.path("members/0/best.safetensors"))
    original = read_weights(source.path("members/0/best.safetensors"))
    assert torch.equal(weights["encoder.source.start.weight"], original["encoder.start.weight"])
    assert '"width":24' in run.recipe["encodings"]["learned"]
    source.folder.rename(tmp_path / "elsewhere")
    loaded = LoadedRun.open(run.folder)
    assert loaded.embed(["CCO", "c1ccccc1"]).shape == (2, 16)
    assert loaded.spec.encodings.computed == recipe.sections["encodings"]


def test_a_learned_encoding_needs_a_run(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    mapping = recipe.to_json()
    mapping["encodings"]["learned"] = "gpse:tiny"
    with pytest.raises(UsageError, match=r"needs the run that trained it: train.learned_from"):
        fit(resolve(mapping), runs=tmp_path, store=store, show_progress=False)
    mapping["train"]["learned_from"] = str(tmp_path / "nowhere")
    with pytest.raises(DataError, match="nowhere"):
        fit(resolve(mapping), runs=tmp_path, store=store, show_progress=False)


def test_a_learned_encoding_of_another_model(recipe: Recipe, store: MoleculeStore, tmp_path: Path) -> None:
    other = fit(recipe.with_changes(train={"epochs": 1}), runs=tmp_path, store=store, show_progress=False)
    mapping = recipe.to_json()
    mapping["train"]["learned_from"] = str(other.folder)
    with pytest.raises(UsageError, match="reads encodings itself"):
        fit(resolve(mapping), runs=tmp_path, store=store, show_progress=False)
    plain_run = resolve({**recipe.to_json(), "encodings": {}}).with_changes(train={"epochs": 1})
    other = fit(plain_run, runs=tmp_path, show_progress=False)
    mapping["encodings"]["learned"] = "gpse:tiny"
    mapping["train"]["learned_from"] = str(other.folder)
    with pytest.raises(UsageError, match="is a run of gine"):
        fit(resolve(mapping), runs=tmp_path, store=store, show_progress=False)


def test_coordinates_of_a_file_are_learnt_from_and_may_be_turned(tmp_path: Path) -> None:
    from rdkit import Chem
    from rdkit.Chem import AllChem

    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    own, turned = tmp_path / "own.sdf", tmp_path / "turned.sdf"
    with Chem.SDWriter(str(own)) as first, Chem.SDWriter(str(turned)) as second:
        for number in range(30):
            molecule = Chem.AddHs(Chem.MolFromSmiles("C" * (number % 10 + 1) + "ON" * (number // 10 + 1)))
            AllChem.EmbedMolecule(molecule, randomSeed=7)
            places = molecule.GetConformer().GetPositions()
            molecule.SetProp("size", str(np.ptp(places)))
            first.write(molecule)
            places = places @ turn + [5.0, -3.0, 1.0]
            for atom, place in enumerate(places.tolist()):
                molecule.GetConformer().SetAtomPosition(atom, place)
            second.write(molecule)
    mapping = {
        "data": {"name": "csv", "path": str(own)},
        "model": {"name": "gps_plus_plus", "preset": "tiny"},
        "encodings": {"positions": str(own)},
        "train": {"epochs": 2, "batch_size": 8, "threads": 1},
    }
    run = fit(resolve(mapping), runs=tmp_path / "runs", show_progress=False)
    assert run.info["positions"] == {"with": 30, "without": 0}
    predicted = {}
    for name, positions in {"own": None, "turned": str(turned), "made": "rdkit"}.items():
        options = {} if positions is None else {"positions": positions}
        predict(run.folder, own, tmp_path / f"{name}.csv", show_progress=False, **options)
        predicted[name] = pl.read_csv(tmp_path / f"{name}.csv")["size"].to_numpy()
    assert np.allclose(predicted["own"], predicted["turned"], atol=1e-3)
    assert np.abs(predicted["own"] - predicted["made"]).max() > 1e-2
