"""Attribute masking on molecules worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.models import gine
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.contract import seeded
from hooke.nn.graphs.code_prediction import ATOM_SIZES, BOND_SIZES
from hooke.tasks.attribute_masking import Config, Task
from hooke.testing.tasks import check_task


def blank(task):
    """A network whose heads know nothing: all codes are equally likely."""
    network = task.network(gine.Model(gine.PRESETS["tiny"]))
    for head in network.heads.values():
        head.layers[-1].weight.data.zero_()
        head.layers[-1].bias.data.zero_()
    return network


ATOM = sum(math.log(size) for size in ATOM_SIZES) / len(ATOM_SIZES)
BOND = sum(math.log(size) for size in BOND_SIZES) / len(BOND_SIZES)


def test_knowing_nothing_costs_the_logarithm_of_the_codes() -> None:
    task = Task(Config(atoms=1.0, bonds=1.0, bond_weight=0.5), MoleculeSpec())
    found = task.losses(blank(task), batch_of(["CCO", "C"]), 0, seeded(0))
    assert float(found["atoms"]) == pytest.approx(ATOM, rel=1e-5)
    assert float(found["loss"].detach()) == pytest.approx(ATOM + 0.5 * BOND, rel=1e-5)


def test_only_hidden_atoms_count() -> None:
    task = Task(Config(atoms=0.0, bonds=0.0), MoleculeSpec())
    network = blank(task)
    assert float(task.losses(network, batch_of(["CCO"]), 0, seeded(0))["loss"].detach()) == 0
    knowing = network.heads["atoms"].layers[-1].bias.data
    knowing[6] = 30.0  # every atom is a carbon
    task = Task(Config(atoms=1.0, bonds=0.0), MoleculeSpec())
    carbon = float(task.losses(network, batch_of(["CC"]), 0, seeded(0))["atoms"])
    oxygen = float(task.losses(network, batch_of(["OO"]), 0, seeded(0))["atoms"])
    assert carbon == pytest.approx(ATOM - math.log(ATOM_SIZES[0]) / len(ATOM_SIZES), rel=1e-4)
    assert oxygen == pytest.approx(carbon + 30 / len(ATOM_SIZES), rel=1e-4)


def test_contract_with_everything_hidden() -> None:
    check_task("attribute_masking", Config(atoms=1.0, bonds=1.0))
    task = Task(Config(), MoleculeSpec())
    draws = [task.losses(blank(task), batch_of(SMILES), 0, seeded(seed))["loss"] for seed in (0, 0)]
    assert torch.equal(*draws)
