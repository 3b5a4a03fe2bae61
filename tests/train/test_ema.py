"""The moving average follows its formula and leaves the network as it was."""

from __future__ import annotations

import torch
from torch import nn

from hooke.train.ema import ExponentialAverage


def test_formula_application_and_state() -> None:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1.0)
    average = ExponentialAverage(network, 0.5)
    nn.init.constant_(network.weight, 3.0)
    average.update(network)  # β = min(0.5, 2 / 11)
    expected = 1 * 2 / 11 + 3 * 9 / 11
    torch.testing.assert_close(average.weights["weight"].item(), expected)
    with average.applied(network):
        torch.testing.assert_close(network.weight.item(), expected)
    assert network.weight.item() == 3.0
    other = ExponentialAverage(network, 0.5)
    other.restore(average.state())
    assert other.steps == 1
    torch.testing.assert_close(other.weights["weight"], average.weights["weight"])


def test_buffers_are_copied() -> None:
    network = nn.BatchNorm1d(2)
    average = ExponentialAverage(network, 0.9)
    network.running_mean.fill_(7.0)  # type: ignore[union-attr, operator]
    average.update(network)
    assert average.weights["running_mean"].tolist() == [7.0, 7.0]


def test_tied_weights_stay_tied() -> None:
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    network[1].weight = network[0].weight
    average = ExponentialAverage(network, 0.5)
    nn.init.constant_(network[0].weight, 3.0)
    average.update(network)
    assert torch.equal(average.weights["0.weight"], average.weights["1.weight"])
    assert not torch.equal(average.weights["0.weight"], network[0].weight)
