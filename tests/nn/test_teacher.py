from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from hooke.tasks.sit_v2 import Teacher, momentum_at


def test_after_some_steps_it_is_the_closed_form_buffers_included() -> None:
    torch.manual_seed(0)
    student = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double()
    teacher, history = Teacher(student), [{n: v.clone() for n, v in student.state_dict().items()}]
    momenta = [0.9, 0.95, 0.8]
    for step, momentum in enumerate(momenta):
        for parameter in student.parameters():
            parameter.data += torch.randn_like(parameter)
        student(torch.randn(8, 3).double())
        history.append({n: v.clone() for n, v in student.state_dict().items()})
        teacher.follow(student, momentum, step)
        teacher.follow(student, 0.0, step)  # the same step once more: nothing happens
    for name, value in teacher.module.state_dict().items():
        expected = history[0][name]
        for state, momentum in zip(history[1:], momenta, strict=True):
            expected = momentum * expected + (1 - momentum) * state[name] if value.is_floating_point() else state[name]
        torch.testing.assert_close(value, expected)


def test_its_own_passes_leave_its_statistics_alone_and_it_gets_no_gradient() -> None:
    teacher = Teacher(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))).train()
    before = teacher.module[1].running_mean.clone()
    rows = teacher.module(torch.randn(16, 3))
    torch.testing.assert_close(rows.mean(0), torch.zeros(4), atol=1e-5, rtol=0)  # statistics of the mini-batch
    assert torch.equal(teacher.module[1].running_mean, before)
    assert not any(parameter.requires_grad for parameter in teacher.parameters())


def test_momentum_rises_to_one() -> None:
    assert momentum_at(0, 100, 0.996) == pytest.approx(0.996)
    assert momentum_at(50, 100, 0.996) == pytest.approx(0.998)
    assert momentum_at(25, 100, 0.9) == pytest.approx(1 - 0.1 * (math.cos(math.pi / 4) + 1) / 2)
    assert momentum_at(100, 100, 0.996) == momentum_at(900, 100, 0.996) == 1
