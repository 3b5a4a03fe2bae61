from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.label import Label
from hooke.core.loader import RowLoader
from hooke.core.recipe import Named
from hooke.core.types import group_means
from hooke.estimators.mean import Config, Estimator
from hooke.inference.ensemble import Ensemble, Estimates, Members
from hooke.inference.loaded import LoadedRun
from hooke.inference.network import build_network, build_task
from hooke.modalities import trainable
from hooke.molecules.arrays import MoleculeArrays, MoleculeSlice
from hooke.molecules.batch import MoleculeBatch, collate
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.molecules.store import GraphLabels, MoleculeBlock, MoleculeStore, MoleculeStoreWriter


@pytest.fixture
def arrays(loaded: LoadedRun, smiles: list[str]) -> MoleculeArrays:
    return loaded.spec.prepare(smiles).arrays


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
        expected = loaded.network.embed(batch).numpy()
    np.testing.assert_array_equal(loaded.ensemble.embed(batch), expected)
    doubled = loaded.ensemble.embed(batch, lambda network, moved: 2 * network.embed(moved))
    np.testing.assert_array_equal(doubled, 2 * expected)


def test_rows_of_a_store_in_any_order_and_batch_size(
    loaded: LoadedRun, arrays: MoleculeArrays, smiles: list[str], tmp_path: Path
) -> None:
    count = len(smiles)
    writer = MoleculeStoreWriter(tmp_path, [], loaded.spec.encodings)
    none = GraphLabels.from_dense(np.zeros((count, 0), np.float32))
    writer.append(MoleculeBlock(arrays, smiles, none, np.arange(count) + 1, np.zeros(count, np.uint8)))
    writer.close()
    store = MoleculeStore.open(tmp_path)
    rows = np.random.default_rng(0).permutation(count)
    loader = RowLoader(lambda chosen: collate(store.read(chosen)), rows, 7, seed=None)
    parts = [loaded.ensemble.members(batch) for batch in loader.epoch(0)]
    assert len(parts) == -(-count // 7)
    found = {level: Members.joined([part[level] for part in parts]).prediction() for level in parts[0]}
    expected = loaded.ensemble.predict(collate(MoleculeSlice(arrays)))
    np.testing.assert_allclose(found["graph"].mean, expected["graph"].mean[rows], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["graph"].std, expected["graph"].std[rows], rtol=1e-3, atol=1e-5)
    assert len(found["node"].mean) == arrays.atom_counts.sum()


def _with_dropout(kind: str = "mse", dropout: float = 0.3) -> Ensemble:
    model = Named("gine", registry.module("models", "gine").PRESETS["tiny"], "models")
    config = registry.module("tasks", "multitask").Config(regression_loss=kind, dropout=dropout)
    spec = MoleculeSpec((Label("y"), Label("c", kind="binary")), encodings=EncodingConfig(random_walk=4))
    task = build_task(Named("multitask", config, "tasks"), spec)
    torch.manual_seed(0)
    return Ensemble([build_network(trainable("molecules", "fit"), model, spec, task) for _ in range(2)], task)


def test_passes_with_dropout_spread_and_leave_no_trace(batch: MoleculeBatch) -> None:
    ensemble = _with_dropout()
    before = ensemble.predict(batch)["graph"].mean
    drawn = ensemble.dropout_members(batch, 5)["graph"]
    assert drawn.values.shape == (2 * 5, *before.shape)
    spread = drawn.prediction().std
    assert (spread > 0).all()
    np.testing.assert_array_equal(ensemble.dropout_members(batch, 5)["graph"].prediction().std, spread)
    np.testing.assert_array_equal(ensemble.predict(batch)["graph"].mean, before)
    assert not any(module.training for network in ensemble.networks for module in network.modules())


def test_without_dropout_there_is_nothing_to_draw(batch: MoleculeBatch) -> None:
    with pytest.raises(UsageError, match="without dropout"):
        _with_dropout(dropout=0.0).dropout_members(batch, 2)


def test_stated_and_members_spread_add_up(batch: MoleculeBatch) -> None:
    ensemble = _with_dropout("gaussian")
    assert ensemble.states_spread
    found = ensemble.predict(batch)["graph"]
    with torch.no_grad():
        means = np.stack([ensemble.task.predict(network, batch)["graph"].numpy() for network in ensemble.networks])
        stated = np.stack([ensemble.task.spread(network, batch)["graph"].numpy() for network in ensemble.networks])
    expected = np.sqrt(means.astype(float).std(0, ddof=1) ** 2 + (stated.astype(float) ** 2).mean(0))
    np.testing.assert_allclose(found.std, expected, rtol=1e-5)


def test_means_of_groups_are_those_of_numpy_to_the_bit() -> None:
    generator = np.random.default_rng(0)
    values, sizes = generator.normal(size=(40, 7)).astype(np.float32), [3, 1, 9, 2, 12, 13]
    groups = np.repeat([0, 2, 3, 5, 8, 9], sizes)
    ends = np.cumsum(sizes)[:-1]
    expected = np.stack([part.mean(axis=0) for part in np.split(values, ends)])
    assert group_means(values, groups).dtype == np.float32
    np.testing.assert_array_equal(group_means(values, groups), expected)
    np.testing.assert_array_equal(group_means(values[None], groups, axis=1), expected[None])
    assert group_means(values, np.arange(40)) is values
    assert group_means(values[:0], groups[:0]).shape == (0, 7)


def test_members_are_averaged_before_their_spread_is_taken() -> None:
    values = np.array([[[1.0], [3.0], [5.0]], [[2.0], [6.0], [9.0]]])
    stated = np.array([[[1.0], [7.0], [2.0]], [[0.0], [0.0], [4.0]]])
    found = Members(values, stated).averaged(np.array([4, 4, 6]))
    np.testing.assert_allclose(found.values[:, :, 0], [[2, 5], [4, 9]])
    np.testing.assert_allclose(found.stated[:, :, 0], [[5, 2], [0, 4]])  # type: ignore[index]
    np.testing.assert_allclose(found.prediction().std[:, 0], np.sqrt([2 + 25 / 2, 8 + (4 + 16) / 2]))
    assert found.taken(np.array([1, 0])).values[0, :, 0].tolist() == [5, 2]


def test_estimators_predict_as_networks_do() -> None:
    spec = MoleculeSpec((Label("y"), Label("c", kind="multiclass", classes=2)))
    estimators = [Estimator(Config(), spec, "graph") for _ in range(2)]
    for number, estimator in enumerate(estimators):
        estimator.fit(np.zeros((4, 3)), np.array([[1.0 + number, 0], [2, 1], [3, 0], [np.nan, 1]]))
    predictor = Estimates(estimators, "graph", lambda batch: batch, ["y", "c[0]", "c[1]"])
    found = predictor.predict(np.zeros((2, 3)))["graph"]  # type: ignore[arg-type]
    np.testing.assert_allclose(found.mean, [[2 + 1 / 6, 0.5, 0.5]] * 2)
    assert predictor.has_spread
    assert (predictor.columns("graph"), predictor.columns("node")) == (["y", "c[0]", "c[1]"], [])
    assert predictor.losses(np.zeros((2, 3)), torch.Generator()) == {}  # type: ignore[arg-type]
