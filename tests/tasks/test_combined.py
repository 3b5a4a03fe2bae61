"""Several objectives on one encoder: weights, heads, predictions, and what cannot be combined."""

from __future__ import annotations

import pytest
import torch

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.label import Label
from hooke.modalities.molecules.samples import batch_of
from hooke.models import gine
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.contract import seeded
from hooke.tasks import gpse
from hooke.tasks.combined import Config, Task, part
from hooke.testing.tasks import check_task

LABELS = (Label("solubility"),)
TWO = Config({"multitask": {"weight": 2.0}, "noisy_nodes": {"weight": 0.5, "node_probability": 0.0}})


def made(config: Config, encodings: EncodingConfig = EncodingConfig()):
    torch.manual_seed(0)
    task = Task(config, MoleculeSpec(LABELS, encodings=encodings))
    return task, task.network(gine.Model(gine.PRESETS["tiny"], task.inputs(task.spec)))


def test_the_loss_is_the_weighted_sum() -> None:
    batch = batch_of(["CCO", "CN", "CCC"], labels=LABELS)
    task, network = made(TWO)
    found = task.losses(network, batch, 0, seeded(0))
    torch.testing.assert_close(found["loss"].detach(), 2 * found["multitask"] + 0.5 * found["noisy_nodes"])
    assert {"multitask/graph/regression", "noisy_nodes/atoms"} <= set(found)
    alone = task.tasks["multitask"].losses(part(network, "multitask"), batch, 0, seeded(0))["loss"]
    torch.testing.assert_close(alone.detach(), found["multitask"])


def test_weight_zero_leaves_the_heads_alone() -> None:
    task, network = made(Config({"multitask": {}, "noisy_nodes": {"weight": 0}}))
    task.losses(network, batch_of(["CCO"], labels=LABELS), 0, seeded(0))["loss"].backward()
    assert not any(p.grad is not None and p.grad.any() for p in network.heads["noisy_nodes"].parameters())


def test_one_encoder_and_the_heads_of_each() -> None:
    batch = batch_of(["CCO"], labels=LABELS)
    task, network = made(TWO)
    assert len([name for name in network.state_dict() if name.endswith("encoder.layers.0.edge.weight")]) == 1
    assert torch.equal(network.embed(batch), network.encoder(batch).graphs)
    assert task.columns("graph") == ["solubility"]
    assert task.predict(network, batch)["graph"].shape == (1, 1)
    assert network.training


def test_the_spread_that_the_labels_objective_states() -> None:
    batch = batch_of(["CCO", "CN"], labels=LABELS)
    task, network = made(TWO)
    assert not task.states_spread
    task, network = made(Config({"multitask": {"regression_loss": "gaussian"}, "noisy_nodes": {}}))
    assert task.states_spread
    found = task.spread(network, batch)["graph"]
    assert found.shape == (2, 1)
    assert (found > 0).all()


def test_predicted_encodings_are_no_input() -> None:
    config = Config({"multitask": {}, "gpse": {}})
    asked = EncodingConfig(laplacian=4, random_walk=21, commute=True)
    task, network = made(config, gpse.Config().targets)
    assert task.inputs(MoleculeSpec(encodings=asked)).encodings == EncodingConfig(commute=True)
    assert task.needs(MoleculeSpec()).encodings == gpse.Config().targets
    batch = batch_of(["CCO", "C1CC1"], encodings=gpse.Config().targets, labels=LABELS)
    assert task.losses(network, batch, 0, seeded(0))["loss"].isfinite()


def test_contract_without_labels_of_three() -> None:
    check_task("combined", Config({"multitask": {}, "contrastive": {}, "contextual_property": {"share": 0.5}}))


def test_what_cannot_be_combined() -> None:
    with pytest.raises(UsageError, match="at least one"):
        Config({})
    with pytest.raises(UnknownNameError, match="noisy_nodes"):
        Config({"noisy_node": {}})
    with pytest.raises(UsageError, match="cannot be one"):
        Config({"combined": {}})
    with pytest.raises(UsageError, match="cannot be one"):
        Config({"masked_image": {}})
    with pytest.raises(UnknownNameError, match="node_probability"):
        Config({"noisy_nodes": {"node_probabilty": 0.1}})
    with pytest.raises(UsageError, match="at least 0"):
        Config({"noisy_nodes": {"weight": -1}})
