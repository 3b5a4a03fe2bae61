from __future__ import annotations

import math

import pytest
import torch

from hooke.core.errors import UnknownNameError, UsageError
from hooke.diffraction.engine.annealing import Annealing, beta_of, information


def logits() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    weights = torch.rand(300, generator=generator, dtype=torch.float64) + 0.5
    return 8 * torch.randn(20, 300, generator=generator, dtype=torch.float64), (weights / weights.sum()).log()


def test_information_is_that_of_the_posterior_about_the_rotation() -> None:
    values, log_weights = logits()
    for beta in (0.1, 1.0):
        posterior = torch.softmax(beta * values + log_weights, 1)
        expected = (posterior * (posterior.log() - log_weights)).sum(1)
        torch.testing.assert_close(information(values, log_weights, beta), expected)
    assert float(information(torch.zeros(2, 300, dtype=torch.float64), log_weights, 1.0).abs().max()) < 1e-12


@pytest.mark.parametrize("target", [0.01, 0.5, 2.0])
def test_bisection_meets_the_target(target: float) -> None:
    values, log_weights = logits()
    beta = beta_of(target, values, log_weights, lambda each: float(each.mean()))
    assert float(information(values, log_weights, beta).mean()) == pytest.approx(target, rel=1e-3)


def test_beta_is_one_where_frames_give_less_than_is_asked() -> None:
    values, log_weights = logits()
    assert beta_of(50.0, values, log_weights, lambda each: float(each.mean())) == 1.0
    assert beta_of(None, values, log_weights, lambda each: 1 / 0) == 1.0


def test_the_ramp_rises_to_its_end_and_then_lets_go() -> None:
    annealing = Annealing(iterations=10, first=1.0, last=0.5, ramp=0.8)
    targets = [annealing.target(iteration, 3240) for iteration in range(10)]
    assert targets[0] == 1.0
    assert targets[8:] == [None, None]
    rising = [target for target in targets if target is not None]
    assert rising == sorted(rising)
    assert rising[-1] < 0.5 * math.log(3240)


def test_the_fixed_schedule_doubles_from_the_brightness() -> None:
    annealing = Annealing(kind="fixed", factor=2.0, every=2)
    start = math.exp(-6.5 * (400e-5) ** 0.15)
    found = [annealing.fixed(iteration, 400.0) for iteration in (0, 1, 2, 5, 40)]
    assert found == pytest.approx([start, start, 2 * start, 4 * start, 1.0])


def test_options_that_are_none_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'adaptive'"):
        Annealing(kind="adaptiv")
    with pytest.raises(UsageError, match="at least 1 iteration"):
        Annealing(iterations=0)
