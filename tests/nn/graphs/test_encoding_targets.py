"""The loss of predicted encodings, worked out by hand on small molecules."""

from __future__ import annotations

import math

import torch

from hooke.modalities.molecules.samples import batch_of
from hooke.tasks.gpse import SeparateHeads, graph_loss, node_loss, normalised

BATCH = batch_of(["CCC", "CC"])
TARGETS = torch.tensor([[0.0, 5.0], [3.0, 5.0], [0.0, 5.0], [1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)


def test_targets_are_normalised_in_each_molecule() -> None:
    found = normalised(TARGETS, BATCH)
    below = math.sqrt(2 + 1e-5)
    torch.testing.assert_close(found[:3, 0], torch.tensor([-1, 2, -1], dtype=torch.float64) / below)
    assert not found[:3, 1].any()  # constant
    torch.testing.assert_close(found[3:, 1], torch.tensor([-1, 1], dtype=torch.float64) / math.sqrt(1 + 1e-5))


def test_node_loss_by_hand() -> None:
    targets = normalised(TARGETS, BATCH)
    assert float(node_loss(targets, targets, BATCH)) < 1e-12
    torch.testing.assert_close(node_loss(-targets, targets, BATCH), 2 * targets.abs().mean() + 2)
    outputs = torch.zeros_like(targets)
    outputs[:3, 0] = torch.tensor(
        [1.0, 0.0, 0.0]
    )  # cosine -1/√6 there; 0 for the other two; the constant one not counted
    expected = (outputs - targets).abs().mean() + (1 + 1 / math.sqrt(6) + 1 + 1) / 3
    torch.testing.assert_close(node_loss(outputs, targets, BATCH), expected)


def test_graph_loss_by_hand() -> None:
    targets = torch.tensor([[3.0, 0.0], [4.0, 0.0]], dtype=torch.float64)
    outputs = torch.tensor([[4.0, 1.0], [3.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(graph_loss(outputs, targets), torch.tensor(3 / 4 + 1 - 24 / 25, dtype=torch.float64))
    single = torch.zeros(1, 2)
    assert float(graph_loss(single, single)) == 0
    assert bool(graph_loss(single.requires_grad_(), torch.ones(1, 2)).isfinite())


def test_separate_heads_share_nothing() -> None:
    torch.manual_seed(0)
    heads, nodes = SeparateHeads(4, 3, 5), torch.randn(2, 4)
    expected = [
        torch.relu(nodes @ heads.first.weight[5 * k : 5 * k + 5].T + heads.first.bias[5 * k : 5 * k + 5])
        @ heads.weight[k]
        + heads.bias[k]
        for k in range(3)
    ]
    torch.testing.assert_close(heads(nodes), torch.stack(expected, dim=1))
