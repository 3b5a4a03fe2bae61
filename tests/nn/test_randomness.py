from __future__ import annotations

import torch
from torch import nn

from hooke.nn.randomness import random_from


def draw(seed: int, network: nn.Module) -> torch.Tensor:
    with random_from(torch.Generator().manual_seed(seed), network):
        return network(torch.ones(1, 100))


def test_dropout_follows_the_generator_alone() -> None:
    network = nn.Sequential(nn.Dropout(0.5), nn.Linear(100, 100)).train()
    before = torch.get_rng_state()
    first = draw(0, network)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    assert torch.equal(draw(0, network), first)
    assert not torch.equal(draw(1, network), first)


def test_nothing_is_drawn_without_dropout() -> None:
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    for network in (
        nn.Linear(2, 2),
        nn.Sequential(nn.Dropout(0.0), nn.Linear(2, 2)),
        nn.Sequential(nn.Dropout(0.5)).eval(),
    ):
        with random_from(generator, network):
            pass
    assert torch.equal(generator.get_state(), before)
