"""What fine-tuning freezes, does not move: every registered model, every number of frozen layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from hooke.core import registry
from hooke.core.errors import UsageError
from hooke.core.recipe import TrainSection
from hooke.nn.contract import mixture
from hooke.nn.depth import depth_of
from hooke.testing.models import model_case
from hooke.train.adaptation import Adaptation
from hooke.train.optimiser import make_optimiser


class Whole(nn.Module):
    """An encoder as a network."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, nn.Linear(1, 1, bias=False)


def state(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def trained(case: Any, network: Whole, section: TrainSection, epoch: int = 0) -> set[str]:
    """Names of what two steps move."""
    optimiser, before = make_optimiser(network, section), state(network)
    adaptation = Adaptation.of(network, section)
    batch = case.batch()
    for group in optimiser.param_groups:
        group["lr"] = 1e-2 * group["rate"] * (epoch >= group["first_epoch"])
    for _ in range(2):
        adaptation.set_training(epoch)
        loss = mixture(case.modality.outputs(network.encoder, batch).values())
        (loss + network.head.weight.sum()).backward()
        optimiser.step()
        optimiser.zero_grad()
    assert not torch.equal(network.head.weight, before["head.weight"])
    return {
        name
        for name, tensor in network.state_dict().items()
        if name != "head.weight" and not torch.equal(tensor, before[name])
    }


def entering(case: Any, encoder: Any, layer: nn.Module) -> list[torch.Tensor]:
    """What reaches a layer in evaluation mode."""
    caught: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(
        lambda _, given: caught.extend(each.detach().clone() for each in given if isinstance(each, torch.Tensor))
    )
    encoder.eval()
    with torch.no_grad():
        case.modality.outputs(encoder, case.batch())
    hook.remove()
    return caught


@pytest.mark.parametrize("name", registry.names("models"))
def test_frozen_layers_do_not_move(name: str) -> None:
    case = model_case(name)
    network = Whole(case.build(seed=1))
    count = depth_of(network.encoder).count
    levels = depth_of(network.encoder).levels
    assert set(levels) == {name for name, _ in (*network.encoder.named_parameters(), *network.encoder.named_buffers())}
    assert set(levels.values()) >= {*range(1, count + 1)}
    for kept in range(count + 1):
        network = Whole(case.build(seed=1))
        depth = depth_of(network.encoder)
        first = depth.layers[count - kept][0] if kept else None
        before = entering(case, network.encoder, first) if first is not None else []
        moved = trained(case, network, TrainSection(encoder_layers=kept, weight_decay=0.1))
        lowest = count + 1 - kept
        assert all(levels[name.removeprefix("encoder.")] >= lowest for name in moved)
        assert {levels[name.removeprefix("encoder.")] for name in moved} >= {*range(lowest, count + 1)}
        for number, modules in enumerate(depth.layers, 1):
            assert all(part.training == (number >= lowest) for module in modules for part in module.modules())
        if first is not None:
            after = entering(case, network.encoder, first)
            assert len(after) == len(before)
            assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def test_virtual_nodes_and_shared_context_are_frozen_too() -> None:
    case = model_case("gps")
    config = case.module.Config(
        width=16, depth=2, heads=2, edge_width=8, bias="paths", virtual_node="mean", dropout=0.5
    )
    network = Whole(case.build(config))
    moved = trained(case, network, TrainSection(encoder_layers=1))
    assert {name.split(".")[1] for name in moved} == {"layers", "virtual_nodes"}
    assert {name.split(".")[2] for name in moved} == {"1"}


def test_layers_are_thawed_one_after_the_other_and_lower_ones_learn_slower() -> None:
    case = model_case("gine")
    section = TrainSection(encoder_layers=1, unfreeze_every=2, encoder_from_epoch=1, layer_decay=0.5, encoder_rate=0.8)
    network = Whole(case.build())
    levels = depth_of(network.encoder).levels
    found = [
        {levels[name.removeprefix("encoder.")] for name in trained(case, network, section, epoch)} for epoch in range(9)
    ]
    assert found == [set(), {3}, {3}, {2, 3}, {2, 3}, {1, 2, 3}, {1, 2, 3}, {0, 1, 2, 3}, {0, 1, 2, 3}]
    adaptation = Adaptation.of(network, section)
    named = {level: f"encoder.{name}" for name, level in levels.items()}
    assert [adaptation.rate(named[level]) for level in range(4)] == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert adaptation.rate("heads.graph") == 1


def test_layers_that_are_not_there_are_refused() -> None:
    network = Whole(model_case("gine").build())
    with pytest.raises(UsageError, match="but the encoder has 3 layers"):
        make_optimiser(network, TrainSection(encoder_layers=4))
    with pytest.raises(UsageError, match="not known"):
        make_optimiser(Whole(nn.Linear(2, 2)), TrainSection(encoder_layers=0))
