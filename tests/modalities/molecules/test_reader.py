"""Batches made in other processes are those that this one makes."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hooke.core.errors import UsageError
from hooke.core.recipe import Recipe, resolve
from hooke.modalities import trainable
from hooke.modalities.molecules.reader import BatchReader
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.shares import SharedLoader, Shares
from hooke.molecules.store import MoleculeStore
from hooke.molecules.tables.twins import write_twin_table
from hooke.train.fit import fit, prepare


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    table = write_twin_table(tmp_path_factory.mktemp("reader") / "assay.csv", seed=0, rows=60)
    data = {"name": "csv", "path": str(table), "split": {"label_share": 0.5}}
    return resolve({"name": "small", "data": data, "train": {"batch_size": 16, "loader_workers": 2}})


@pytest.fixture(scope="module")
def store(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> MoleculeStore:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOKE_CACHE", str(tmp_path_factory.mktemp("cache")))
        return prepare(recipe, workers=0, show_progress=False)


def _equal(first: MoleculeBatch, second: MoleculeBatch) -> bool:
    parts = {**vars(first), **first.targets}, {**vars(second), **second.targets}
    return all(
        torch.equal(value.nan_to_num(-1.0), parts[1][name].nan_to_num(-1.0))
        for name, value in parts[0].items()
        if isinstance(value, torch.Tensor)
    )


def test_a_reader_travels_as_the_folder_of_its_store(recipe: Recipe, store: MoleculeStore) -> None:
    rows = np.arange(len(store))
    reader = BatchReader(store, trainable("molecules", "fit").spec(store, rows, recipe), recipe, training=True)
    data = pickle.dumps(reader)
    assert len(data) < 20_000
    batch = reader(rows)
    assert _equal(pickle.loads(data)(rows), batch)
    shown = BatchReader(store, reader._spec, recipe, training=False)(rows)
    assert batch.targets["graph"].isnan().sum() > shown.targets["graph"].isnan().sum()


def test_processes_give_the_batches_of_a_thread(recipe: Recipe, store: MoleculeStore) -> None:
    modality, rows = trainable("molecules", "fit"), np.arange(len(store))
    spec = modality.spec(store, rows, recipe)
    alone = recipe.with_changes(train={"loader_workers": 0})
    one, two = (modality.loader(store, rows, spec, how, part="train", seed=3) for how in (alone, recipe))
    for epoch, start in ((0, 0), (1, 2)):
        pairs = list(zip(one.epoch(epoch, start), two.epoch(epoch, start), strict=True))
        assert len(pairs) == len(one) - start
        assert all(_equal(*pair) for pair in pairs)
    next(iter(two.epoch(2)))  # an epoch that is left early
    assert _equal(next(iter(two.epoch(3))), next(iter(one.epoch(3))))
    tables = np.ones(len(rows), np.uint64)
    shared = [
        SharedLoader(
            BatchReader(store, spec, recipe, training=True), rows, 16, seed=3, shares=Shares(tables, {0: 0.5}, 1), workers=count
        )
        for count in (0, 2)
    ]  # fmt: skip
    assert all(_equal(*pair) for pair in zip(*(loader.epoch(1) for loader in shared), strict=True))


def test_what_has_no_such_reader_refuses(recipe: Recipe, tmp_path: Path) -> None:
    images = resolve(
        {
            "data": {"name": "screen"},
            "model": {"name": "vit", "preset": "tiny"},
            "task": {"name": "perturbation_classification"},
        }
    )
    with pytest.raises(UsageError, match="train.loader_workers: batches of"):
        fit(replace(images, train=recipe.train), runs=tmp_path, show_progress=False)
