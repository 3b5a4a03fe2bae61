"""Decay only on matrices, schedules with the right ends."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from hooke.core.errors import UsageError
from hooke.core.recipe import TrainSection
from hooke.nn.width_transfer import transfer_width
from hooke.train.adaptation import Adaptation
from hooke.train.optimiser import Lion, make_optimiser, set_learning_rate
from hooke.train.schedule import Schedule


def network() -> nn.Module:
    return nn.ModuleDict({"encoder": nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3)), "heads": nn.Linear(3, 1)})


def test_decay_and_rates_by_group() -> None:
    optimiser = make_optimiser(network(), TrainSection(encoder_rate=0.1, weight_decay=0.5))
    found = {
        (group["rate"], group["weight_decay"]): sum(p.numel() for p in group["params"])
        for group in optimiser.param_groups
    }
    assert found == {(0.1, 0.5): 9, (0.1, 0.0): 9, (1.0, 0.5): 3, (1.0, 0.0): 1}
    set_learning_rate(optimiser, 0.2)
    assert sorted({group["lr"] for group in optimiser.param_groups}) == pytest.approx([0.02, 0.2])


def test_probing_freezes_the_encoder() -> None:
    made = network()
    make_optimiser(made, TrainSection(encoder_rate=0))
    assert [p.requires_grad for p in made["encoder"].parameters()] == [False] * 4
    assert all(p.requires_grad for p in made["heads"].parameters())


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_schedules(schedule: str) -> None:
    section = TrainSection(learning_rate=1.0, warmup=0.1, schedule=schedule, final_rate=0.1)  # type: ignore[arg-type]
    rates = [Schedule(section, 100, 10).rate(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert all(a >= b for a, b in itertools.pairwise(rates[9:]))
    assert rates[-1] == pytest.approx(1.0 if schedule == "constant" else 0.1, abs=0.02)
    assert Schedule(TrainSection(warmup=0.0, learning_rate=2.0), 1, 1).rate(0) == 2.0


def layered() -> nn.Module:
    encoder = nn.Module()
    encoder.inputs = nn.Linear(3, 3)
    encoder.layers = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)])
    encoder.pooling = nn.Linear(3, 3)
    encoder.tail = ("pooling",)  # type: ignore[assignment]
    return nn.ModuleDict({"encoder": encoder, "heads": nn.Linear(3, 1)})


def learning(made: nn.Module) -> set[str]:
    return {name.removesuffix(".weight") for name, p in made.named_parameters() if p.requires_grad and p.ndim > 1}


def test_the_last_layers_alone_are_trained() -> None:
    made = layered()
    make_optimiser(made, TrainSection(encoder_layers=1))
    assert learning(made) == {"encoder.layers.2", "encoder.pooling", "heads"}
    made = layered()
    make_optimiser(made, TrainSection(encoder_layers=0))
    assert learning(made) == {"encoder.pooling", "heads"}
    with pytest.raises(UsageError, match="but the encoder has 3 layers"):
        make_optimiser(layered(), TrainSection(encoder_layers=4))
    with pytest.raises(UsageError, match="not known"):
        make_optimiser(network(), TrainSection(encoder_layers=1))


def test_the_encoder_waits_for_its_epoch() -> None:
    section = TrainSection(encoder_from_epoch=2, encoder_rate=0.5)
    made = layered()
    optimiser = make_optimiser(made, section)
    set_learning_rate(optimiser, 1.0, epoch=1)
    assert sorted({group["lr"] for group in optimiser.param_groups}) == [0.0, 1.0]
    set_learning_rate(optimiser, 1.0, epoch=2)
    assert sorted({group["lr"] for group in optimiser.param_groups}) == [0.5, 1.0]
    for epoch, trains in ((1, False), (2, True)):
        Adaptation.of(made, section).set_training(epoch)
        assert (made["encoder"].training, made["heads"].training) == (trains, True)


def test_embeddings_are_not_decayed() -> None:
    made = nn.ModuleDict({"table": nn.Embedding(5, 3), "layer": nn.Linear(3, 3)})
    decayed = [group["params"] for group in make_optimiser(made, TrainSection()).param_groups if group["weight_decay"]]
    assert [[p.shape for p in parameters] for parameters in decayed] == [[(3, 3)]]


class Tokens(nn.Module):
    """A module with learned tokens beside a matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.class_tokens = nn.Parameter(torch.zeros(1, 1, 3))
        self.mask_token = nn.Parameter(torch.zeros(1, 1, 3))
        self.weight = nn.Parameter(torch.zeros(3, 3))


@pytest.mark.parametrize("kind", ["adamw", "lion"])
def test_learned_tokens_are_not_decayed_by_any_optimiser(kind: str) -> None:
    optimiser = make_optimiser(Tokens(), TrainSection(optimiser=kind, weight_decay=0.5))  # type: ignore[arg-type]
    assert isinstance(optimiser, Lion) == (kind == "lion")
    found = {group["weight_decay"]: sum(p.numel() for p in group["params"]) for group in optimiser.param_groups}
    assert found == {0.5: 9, 0.0: 6}


def test_width_transfer_gives_each_matrix_its_rate_and_the_same_decay_a_step() -> None:
    def wide(width: int) -> nn.Module:
        encoder = nn.Sequential(nn.Linear(3, width), nn.Linear(width, width))
        return nn.ModuleDict({"encoder": encoder, "heads": nn.Linear(width, 1)})

    made = wide(16)
    transfer_width(made, wide(4))
    groups = make_optimiser(made, TrainSection(weight_decay=0.5)).param_groups
    found: dict[tuple[float, float], int] = {}
    for group in groups:
        key = (group["rate"], group["weight_decay"])
        found[key] = found.get(key, 0) + sum(p.numel() for p in group["params"])
    assert found == {(1.0, 0.5): 48, (1.0, 0.0): 16 + 16 + 1, (0.25, 2.0): 256 + 16}
