from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from hooke.modalities.molecules.samples import batch_of
from hooke.nn.randomness import ItemDropout, ItemRandom, random_from


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


def test_masks_belong_to_the_molecule_and_change_with_every_call() -> None:
    network = nn.Sequential(ItemDropout(0.5, "nodes"), ItemDropout(0.5, "graphs"), nn.Linear(1, 1)).train()
    batch = replace(batch_of(["CCO", "CCN", "c1ccccc1"]), rows=torch.tensor([4, 9, 2]))
    last = replace(batch_of(["c1ccccc1"]), rows=torch.tensor([2]))
    found = []
    for one in (batch, last):
        with random_from(torch.Generator().manual_seed(1), network, one):
            rows = torch.ones(one.num_nodes, 50, dtype=torch.float64)
            first, second = network[0](rows), network[0](rows)
            assert network[1](rows[: one.num_graphs]).dtype == torch.float64
        assert set(first.unique().tolist()) == {0.0, 2.0}
        assert not torch.equal(first, second)
        found.append(torch.cat([first[-6:], second[-6:]]))
    assert torch.equal(*found)
    with random_from(torch.Generator().manual_seed(1), network, batch), pytest.raises(ValueError, match="12 nodes"):
        network[0](torch.ones(3, 2))


def test_outside_of_it_torch_draws() -> None:
    module = ItemDropout(0.25, "nodes")
    torch.manual_seed(0)
    first = module(torch.ones(100, 30))
    torch.manual_seed(0)
    assert torch.equal(first, module(torch.ones(100, 30)))
    assert abs(float(first.mean()) - 1) < 0.05
    assert "p=0.25" in repr(module)
    rows = torch.ones(2, 2)
    assert module.eval()(rows) is rows


def test_normal_numbers() -> None:
    module = ItemRandom("nodes")
    batch = batch_of(["C" * 40] * 100)
    with random_from(torch.Generator().manual_seed(1), nn.Sequential(module, nn.Linear(1, 1)), batch):
        found = module.normal(batch.num_nodes, 5, torch.zeros(1, dtype=torch.float64))
    assert abs(float(found.mean())) < 0.03
    assert abs(float(found.std()) - 1) < 0.03
    assert abs(float((found**4).mean()) - 3) < 0.25
