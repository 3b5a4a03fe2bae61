"""Sums over processes: nothing alone, and a gradient that the average over processes makes right."""

from __future__ import annotations

import pytest
import torch

from hooke.nn import processes
from hooke.nn.processes import shared_step, step_mean, step_sum, total


def test_alone_nothing_changes() -> None:
    values = torch.tensor([1.0, 3.0], requires_grad=True)
    assert step_sum(values) is values
    with shared_step(1):
        assert step_sum(values) is values
        assert total(values) is values
    assert step_mean(values) == 2
    assert step_mean(values[:0]) == 0


def test_the_average_of_gradients_is_that_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes with three and one items: L = (Σ x w)² / 4 items."""
    parts, weight = [torch.tensor([1.0, 2.0, 4.0]), torch.tensor([5.0])], torch.tensor(0.5)
    gradients, losses = [], []
    for mine, other in (parts, parts[::-1]):

        def add(total: torch.Tensor, mine: torch.Tensor = mine, other: torch.Tensor = other) -> None:
            total += other.sum() * weight if total != len(mine) else len(other)

        monkeypatch.setattr(processes.torch.distributed, "all_reduce", add)
        own = weight.clone().requires_grad_()
        with shared_step(2):
            loss = step_sum((mine * own).sum()) ** 2 / step_sum(torch.tensor(float(len(mine))))
        loss.backward()
        gradients.append(own.grad)
        losses.append(loss.item())
    whole = weight.clone().requires_grad_()
    expected = (torch.cat(parts) * whole).sum() ** 2 / 4
    expected.backward()
    assert losses == [pytest.approx(expected.item())] * 2
    torch.testing.assert_close(torch.stack(gradients).mean(), whole.grad)  # type: ignore[arg-type]
