"""Noisy nodes and edges on molecules worked out by hand."""

from __future__ import annotations

import math

import pytest

from hooke.modalities.molecules.samples import batch_of
from hooke.models import gine
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.contract import seeded
from hooke.nn.graphs.code_prediction import ATOM_SIZES, BOND_SIZES
from hooke.tasks.noisy_nodes import Config, Task
from hooke.testing.tasks import check_task

ATOM = sum(math.log(size) for size in ATOM_SIZES) / len(ATOM_SIZES)
BOND = sum(math.log(size) for size in BOND_SIZES) / len(BOND_SIZES)


def test_knowing_nothing_costs_the_logarithm_of_the_codes() -> None:
    task = Task(Config(node_weight=2.0, edge_weight=3.0), MoleculeSpec())
    network = task.network(gine.Model(gine.PRESETS["tiny"]))
    for head in network.heads.values():
        head.layers[-1].weight.data.zero_()
        head.layers[-1].bias.data.zero_()
    for smiles, bonds in ((["CCO", "C"], 1.0), (["C"], 0.0)):
        found = task.losses(network, batch_of(smiles), 0, seeded(0))
        assert float(found["loss"].detach()) == pytest.approx(2 * ATOM + 3 * BOND * bonds, rel=1e-5)


def test_noise_reaches_the_encoder_and_not_the_targets() -> None:
    batch = batch_of(["CCO"])
    quiet, loud = (
        Task(Config(node_probability=0.0, edge_probability=0.0), MoleculeSpec()),
        Task(Config(node_probability=0.9), MoleculeSpec()),
    )
    network = quiet.network(gine.Model(gine.PRESETS["tiny"]))
    seen = []
    network.encoder.register_forward_hook(lambda module, arguments, output: seen.append(arguments[0]))
    quiet.losses(network, batch, 0, seeded(0))
    loud.losses(network, batch, 0, seeded(0))
    assert (seen[0].atom_codes == batch.atom_codes).all()
    assert (seen[1].atom_codes != batch.atom_codes).any()


def test_contract_with_much_noise() -> None:
    check_task("noisy_nodes", Config(node_probability=0.3, edge_probability=0.3))
