"""The targets of GPSE, and the loss of a molecule worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hooke.core.errors import UsageError
from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.models import gpse as model
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.contract import seeded
from hooke.tasks.gpse import Config, Task, graph_loss, node_loss, normalised

ENCODINGS = Config().targets


def test_fifty_one_node_and_eleven_graph_targets() -> None:
    assert Config().widths == (51, 11)
    task, batch = Task(Config(), MoleculeSpec()), batch_of(SMILES, encodings=ENCODINGS)
    assert task.node_targets(batch).shape == (batch.num_nodes, 51)
    assert task.graph_targets(batch).shape == (batch.num_graphs, 11)


def test_targets_of_cyclopropane_by_hand() -> None:
    task, batch = Task(Config(), MoleculeSpec()), batch_of(["C1CC1"], encodings=ENCODINGS)
    graph = task.graph_targets(batch)[0].numpy()
    np.testing.assert_allclose(graph, [1.5, 1.5, 0, 0, 3, 1, 0, 0, 0, 0, 0], atol=1e-2)
    node = task.node_targets(batch)[0].numpy()
    np.testing.assert_allclose(node[11:14], [0.5, 0.25, 0.375], atol=1e-3)  # back after 2, 3, 4 steps
    np.testing.assert_allclose(node[31:33], [2 / 3 * np.exp(-3), 2 / 3 * np.exp(-6)], atol=1e-3)
    # L⁺ of the triangle: 2/9 on the diagonal, -1/9 off it; V = 0 or -1/3
    np.testing.assert_allclose(
        node[:7], [-1 / 3, -2 / 9, np.sqrt(2) / 9, -1 / 3, np.sqrt(2) / 9, -1 / 3, -1 / 3], atol=1e-3
    )


def test_the_loss_is_that_of_its_targets() -> None:
    torch.manual_seed(0)
    task, batch = Task(Config(), MoleculeSpec()), batch_of(SMILES, encodings=ENCODINGS)
    network = task.network(model.Model(model.PRESETS["tiny"])).eval()
    raw = network(batch)
    expected = node_loss(raw["nodes"], normalised(task.node_targets(batch), batch), batch)
    expected = expected + graph_loss(raw["graphs"], task.graph_targets(batch))
    torch.testing.assert_close(task.losses(network, batch, 0, seeded(0))["loss"], expected)


def test_what_is_missing_is_named() -> None:
    task = Task(Config(), MoleculeSpec())
    network = task.network(model.Model(model.PRESETS["tiny"]))
    with pytest.raises(UsageError, match="heat_kernel = 20, electrostatic = true, cycles = 8"):
        task.losses(network, batch_of(["C"], encodings=EncodingConfig(laplacian=4)), 0, torch.Generator())
    with pytest.raises(UsageError, match="at least one"):
        Config(heat_kernel=0)
    assert task.needs(MoleculeSpec()).encodings == ENCODINGS
    read = task.inputs(MoleculeSpec(encodings=ENCODINGS)).encodings
    assert read == EncodingConfig(laplacian_normalisation="symmetric")
