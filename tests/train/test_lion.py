from __future__ import annotations

import pytest
import torch

from hooke.core.errors import UsageError
from hooke.train.optimiser import Lion


def test_the_formula_over_several_steps_and_groups() -> None:
    torch.manual_seed(0)
    first, second = (torch.nn.Parameter(torch.randn(4, 3, dtype=torch.float64)) for _ in range(2))
    idle = torch.nn.Parameter(torch.ones(2))
    groups = [{"params": [first, idle]}, {"params": [second], "weight_decay": 0.0, "lr": 0.01}]
    optimiser = Lion(groups, lr=0.1, betas=(0.9, 0.99), weight_decay=0.2)
    expected, momenta = [first.detach().clone(), second.detach().clone()], [torch.zeros(4, 3).double()] * 2
    for _ in range(4):
        gradients = [torch.randn(4, 3, dtype=torch.float64) for _ in range(2)]
        for number, (rate, decay) in enumerate(((0.1, 0.2), (0.01, 0.0))):
            direction = (0.9 * momenta[number] + 0.1 * gradients[number]).sign()
            expected[number] = expected[number] - rate * (direction + decay * expected[number])
            momenta[number] = 0.99 * momenta[number] + 0.01 * gradients[number]
        first.grad, second.grad = gradients[0].clone(), gradients[1].clone()
        optimiser.step()
    torch.testing.assert_close(first.detach(), expected[0])
    torch.testing.assert_close(second.detach(), expected[1])
    assert torch.equal(idle.detach(), torch.ones(2))
    assert idle not in optimiser.state


def test_state_round_trip_continues_to_the_bit() -> None:
    def run(*, interrupted: bool) -> torch.Tensor:
        torch.manual_seed(0)
        weight = torch.nn.Parameter(torch.randn(5))
        optimiser = Lion([weight], lr=0.01)
        for step in range(6):
            if interrupted and step == 3:
                saved = optimiser.state_dict()
                optimiser = Lion([weight], lr=0.5)
                optimiser.load_state_dict(saved)
            optimiser.zero_grad()
            (weight.square() * torch.arange(5)).sum().backward()
            optimiser.step()
        return weight.detach()

    assert torch.equal(run(interrupted=True), run(interrupted=False))


def test_a_closure_and_a_minimum() -> None:
    weight = torch.nn.Parameter(torch.tensor([3.0, -2.0]))
    optimiser = Lion([weight], lr=0.05, weight_decay=0.0)

    def closure() -> float:
        optimiser.zero_grad()
        loss = (weight - 1).square().sum()
        loss.backward()
        return float(loss.detach())

    losses = [optimiser.step(closure) for _ in range(100)]
    assert losses[0] == 13
    assert losses[-1] < 0.1


@pytest.mark.parametrize("options", [{"lr": -1.0}, {"betas": (0.9, 1.0)}, {"weight_decay": -0.1}])
def test_ranges(options: dict) -> None:
    with pytest.raises(UsageError, match="Lion takes"):
        Lion([torch.nn.Parameter(torch.ones(1))], **options)
