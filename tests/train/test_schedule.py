"""Rates by step: warm-up in three units, schedules of torch by name."""

from __future__ import annotations

import pytest
import torch
from torch.optim import lr_scheduler

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.options import plain
from hooke.core.recipe import TrainSection
from hooke.train.schedule import Schedule, torch_schedules


def rates(total: int = 40, per_epoch: int = 10, **options: object) -> list[float]:
    schedule = Schedule(TrainSection(learning_rate=1.0, **options), total, per_epoch)  # type: ignore[arg-type]
    return [schedule.rate(step) for step in range(total)]


def test_warm_up_in_shares_epochs_and_steps() -> None:
    share, epochs, steps = rates(warmup=0.25), rates(warmup_epochs=1.0), rates(warmup_steps=10)
    assert share == epochs == steps
    assert share[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates(warmup=0.0)[0] == 1.0
    with pytest.raises(ValueError, match="two units"):
        TrainSection(warmup_steps=1, warmup_epochs=1.0)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("StepLR", {"step_size": 7, "gamma": 0.5}),
        ("MultiStepLR", {"milestones": [5, 20], "gamma": 0.1}),
        ("ExponentialLR", {"gamma": 0.9}),
        ("CosineAnnealingWarmRestarts", {"T_0": 6}),
        ("PolynomialLR", {"total_iters": 30}),
        ("OneCycleLR", {"max_lr": 1.0, "total_steps": 50}),
    ],
)
def test_schedules_of_torch_follow_the_warm_up(name: str, options: dict[str, object]) -> None:
    found = rates(warmup_steps=4, schedule=name, schedule_options=options)
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = getattr(lr_scheduler, name)(optimiser, **options)
    expected = []
    for _ in range(36):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        reference.step()
    assert found[:4] == [0.25, 0.5, 0.75, 1.0]
    assert found[4:] == pytest.approx(expected)


def test_wrong_names_and_options() -> None:
    assert {"StepLR", "CyclicLR", "LinearLR"} <= set(torch_schedules())
    with pytest.raises(UnknownNameError, match="StepLR"):
        rates(schedule="StepRL")
    with pytest.raises(UsageError, match="follows a metric"):
        rates(schedule="ReduceLROnPlateau")
    with pytest.raises(UsageError, match="do not fit StepLR"):
        rates(schedule="StepLR", schedule_options={"steps": 3})
    with pytest.raises(ValueError, match="has none"):
        TrainSection(schedule_options={"gamma": 1})
    assert "schedule_options" not in plain(TrainSection())
    assert plain(TrainSection(schedule="StepLR", schedule_options={"step_size": 2}))["schedule_options"] == {
        "step_size": 2
    }
