"""Contextual properties on molecules worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.modalities.molecules.samples import batch_of
from hooke.models import gine, grover
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.contract import seeded
from hooke.tasks.contextual_property import Config, Task, around, context_losses
from hooke.testing.tasks import check_task


@pytest.mark.parametrize(("module", "views"), [(gine, 1), (grover, 2)])
def test_knowing_nothing_costs_the_logarithm_of_the_classes(module, views: int) -> None:
    task = Task(Config(share=1.0, atom_classes=7, bond_classes=11), MoleculeSpec())
    network = task.network(module.Model(module.PRESETS["tiny"]))
    for heads in network.heads.values():
        for head in heads.heads:
            head.layers[-1].weight.data.zero_()
            head.layers[-1].bias.data.zero_()
    found = task.losses(network, batch_of(["CCO", "C"]), 0, seeded(0))
    assert float(found["loss"].detach()) == pytest.approx(views * (math.log(7) + math.log(11)), rel=1e-5)
    assert float(found["disagreement"]) == 0
    if views == 2:  # the two heads for atoms differ by 2 in one class of 7, from both sides
        network.heads["atoms"].heads[0].layers[-1].bias.data[0] = 2.0
        assert float(task.losses(network, batch_of(["C"]), 0, seeded(0))["disagreement"]) == pytest.approx(4 / 7)


def test_losses_sum_the_views() -> None:
    outputs = torch.tensor([[[0.0, math.log(3)]], [[0.0, 0.0]]])
    found = context_losses(outputs, torch.tensor([1]))
    torch.testing.assert_close(found, torch.tensor([-math.log(3 / 4) + math.log(2)]))


def test_what_is_around() -> None:
    batch = batch_of(["CCO"])
    none = torch.zeros(3, dtype=torch.bool)
    near, bonds = around(batch, torch.tensor([True, False, False]), none[:2])
    assert near.tolist() == [True, True, False]
    assert bonds.tolist() == [True, False]
    near, bonds = around(batch, none, torch.tensor([False, True]))
    assert near.tolist() == [False, True, True]
    assert bonds.tolist() == [False, True]


def test_contract_without_hiding() -> None:
    check_task("contextual_property", Config(hidden="none", share=0.6))


def test_two_hops() -> None:
    check_task("contextual_property", Config(hops=2, share=0.6))
    task, batch = Task(Config(hops=2, share=1.0, hidden="none"), MoleculeSpec()), batch_of(["CCCCC"])
    network = task.network(gine.Model(gine.PRESETS["tiny"]))
    one = Task(Config(share=1.0, hidden="none"), MoleculeSpec()).losses(network, batch, 0, seeded(0))
    two = task.losses(network, batch, 0, seeded(0))
    assert {name for name in one if one[name] != two[name]} == {"loss", "atoms", "bonds"}
    with pytest.raises(UsageError, match="hops must be at least 1, got 0"):
        Config(hops=0)
