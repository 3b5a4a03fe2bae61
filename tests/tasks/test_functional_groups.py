"""Functional groups on molecules worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.modalities.molecules.samples import batch_of
from hooke.models import gine, grover
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.functional_groups import GROUP_NAMES
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.contract import seeded
from hooke.tasks.functional_groups import Config, Task

ENCODINGS = EncodingConfig(functional_groups=True)


@pytest.mark.parametrize(("module", "views"), [(gine, 1), (grover, 2)])
def test_by_hand(module, views: int) -> None:
    task, batch = Task(Config(hidden_layers=0), MoleculeSpec()), batch_of(["CCO"], encodings=ENCODINGS)
    network = task.network(module.Model(module.PRESETS["tiny"]))
    for head in network.heads["groups"].heads:
        head.layers[-1].weight.data.zero_()
        head.layers[-1].bias.data.zero_()
    found = task.losses(network, batch, 0, seeded(0))
    assert float(found["loss"].detach()) == pytest.approx(views * math.log(2), rel=1e-5)
    for head in network.heads["groups"].heads:  # ethanol has an aliphatic alcohol and nothing else
        head.layers[-1].bias.data.fill_(-30.0)
        for name in ("fr_Al_OH", "fr_Al_OH_noTert"):
            head.layers[-1].bias.data[GROUP_NAMES.index(name)] = 30.0
    assert float(task.losses(network, batch, 0, seeded(0))["loss"].detach()) < 1e-6


def test_groups_are_no_input_and_have_to_be_there() -> None:
    asked = EncodingConfig(random_walk=3, functional_groups=True)
    task = Task(Config(), MoleculeSpec())
    assert task.inputs(MoleculeSpec(encodings=asked)).encodings == replace(asked, functional_groups=False)
    assert task.needs(MoleculeSpec(encodings=EncodingConfig(random_walk=3))).encodings == asked
    with pytest.raises(UsageError, match="functional_groups=true"):
        task.losses(task.network(gine.Model(gine.PRESETS["tiny"])), batch_of(["C"]), 0, torch.Generator())
