"""Decay only on matrices, schedules with the right ends."""

from __future__ import annotations

import itertools

import pytest
from torch import nn

from hooke.train.optimiser import learning_rate, make_optimiser, set_learning_rate
from hooke.train.recipe import TrainSection


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
    rates = [learning_rate(step, 100, section) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == pytest.approx(1.0)
    assert all(a >= b for a, b in itertools.pairwise(rates[9:]))
    assert rates[-1] == pytest.approx(1.0 if schedule == "constant" else 0.1, abs=0.02)
    assert learning_rate(0, 1, TrainSection(warmup=0.0, learning_rate=2.0)) == 2.0
