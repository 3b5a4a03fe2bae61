from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hooke.core.errors import UsageError
from hooke.inference.ensemble import Ensemble
from hooke.inference.loaded import LoadedRun
from hooke.molecules.arrays import MoleculeSlice
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.prepare import prepare
from hooke.molecules.source import MoleculeArrays
from hooke.molecules.store import GraphLabels, MoleculeBlock, MoleculeStore, MoleculeStoreWriter


@pytest.fixture
def arrays(loaded: LoadedRun, smiles: list[str]) -> MoleculeArrays:
    return prepare(smiles, loaded.standardise, loaded.encodings).arrays


@pytest.fixture
def batch(arrays: MoleculeArrays) -> MoleculeBatch:
    return collate(MoleculeSlice(arrays))


def test_the_mean_is_the_prediction_and_the_spread_the_uncertainty(loaded: LoadedRun, batch: MoleculeBatch) -> None:
    ensemble = loaded.ensemble
    with torch.no_grad():
        members = [ensemble.task.predict(network, batch)["graph"].double().numpy() for network in ensemble.networks]
    found = ensemble.predict(batch)["graph"]
    np.testing.assert_allclose(found.mean, (members[0] + members[1]) / 2)
    np.testing.assert_allclose(found.std, np.abs(members[0] - members[1]) / np.sqrt(2), atol=1e-12)


def test_one_member_has_no_spread(loaded: LoadedRun, batch: MoleculeBatch) -> None:
    alone = Ensemble(loaded.ensemble.networks[:1], loaded.ensemble.task)
    assert not alone.predict(batch)["graph"].std.any()
    assert not alone.networks[0].training


def test_embeddings_are_those_of_the_first_member(loaded: LoadedRun, batch: MoleculeBatch) -> None:
    with torch.no_grad():
        expected = loaded.ensemble.networks[0].embed(batch).numpy()  # type: ignore[operator]
    np.testing.assert_array_equal(loaded.ensemble.embed(batch), expected)


def test_rows_of_a_store_in_any_order_and_batch_size(
    loaded: LoadedRun, arrays: MoleculeArrays, smiles: list[str], tmp_path: Path
) -> None:
    count = len(smiles)
    writer = MoleculeStoreWriter(tmp_path, [], loaded.encodings)
    none = GraphLabels.from_dense(np.zeros((count, 0), np.float32))
    writer.append(MoleculeBlock(arrays, smiles, none, np.arange(count) + 1, np.zeros(count, np.uint8)))
    writer.close()
    store = MoleculeStore.open(tmp_path)
    rows = np.random.default_rng(0).permutation(count)
    found = loaded.ensemble.predict_rows(store, rows, batch_size=7)
    expected = loaded.ensemble.predict(collate(MoleculeSlice(arrays)))
    np.testing.assert_allclose(found["graph"].mean, expected["graph"].mean[rows], rtol=1e-4, atol=1e-5)
    assert len(found["node"].mean) == arrays.atom_counts.sum()
    assert loaded.ensemble.predict_rows(store, rows[:0]) == {}


def _with_dropout(kind: str = "mse", dropout: float = 0.3) -> Ensemble:
    from hooke.core import registry
    from hooke.core.label import Label
    from hooke.inference.network import build_network, build_task

    model, task = registry.module("models", "gine"), registry.module("tasks", "multitask")
    config = task.Config(regression_loss=kind, dropout=dropout)
    made = build_task("multitask", config, (Label("y"), Label("c", kind="binary")), None)
    torch.manual_seed(0)
    networks = [build_network("gine", model.PRESETS["tiny"], EncodingConfig(random_walk=4), made) for _ in range(2)]
    return Ensemble(networks, made)


def test_passes_with_dropout_spread_and_leave_no_trace(batch: MoleculeBatch) -> None:
    ensemble = _with_dropout()
    before = ensemble.predict(batch)["graph"].mean
    spread = ensemble.dropout_spread(batch, 5)["graph"]
    assert spread.shape == before.shape
    assert (spread > 0).all()
    np.testing.assert_array_equal(ensemble.dropout_spread(batch, 5)["graph"], spread)
    np.testing.assert_array_equal(ensemble.predict(batch)["graph"].mean, before)
    assert not any(module.training for network in ensemble.networks for module in network.modules())


def test_without_dropout_there_is_nothing_to_draw(batch: MoleculeBatch) -> None:
    with pytest.raises(UsageError, match="without dropout"):
        _with_dropout(dropout=0.0).dropout_spread(batch, 2)


def test_stated_and_members_spread_add_up(batch: MoleculeBatch) -> None:
    ensemble = _with_dropout("gaussian")
    assert ensemble.states_spread
    found = ensemble.predict(batch)["graph"]
    with torch.no_grad():
        means = np.stack([ensemble.task.predict(network, batch)["graph"].numpy() for network in ensemble.networks])
        stated = np.stack([ensemble.task.spread(network, batch)["graph"].numpy() for network in ensemble.networks])
    expected = np.sqrt(means.astype(float).std(0, ddof=1) ** 2 + (stated.astype(float) ** 2).mean(0))
    np.testing.assert_allclose(found.std, expected, rtol=1e-5)
