"""Sums over the processes that share one training step, so that a loss over all their items is one loss.

Data-parallel training averages the gradients of P processes. A mean over the items of a step is therefore not the mean of the
processes' means, which would weigh a label measured once here and a hundred times there alike. Within `shared_step` every
process computes the loss of all items of the step:

    S = Σ_p s_p,  ∂S/∂s_p := P

so that the average of the processes' gradients is the gradient of the loss of S, however S enters it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor

_PROCESSES: ContextVar[int] = ContextVar("processes of a step", default=1)


@contextmanager
def shared_step(processes: int) -> Iterator[None]:
    """Within the block, which all of so many processes enter, `step_sum` sums over them."""
    token = _PROCESSES.set(processes)
    try:
        yield
    finally:
        _PROCESSES.reset(token)


def step_sum(values: Tensor) -> Tensor:
    """The values summed over the processes of a step, element by element; the values themselves outside of `shared_step`."""
    processes = _PROCESSES.get()
    if processes == 1:
        return values
    return _summed(values.detach()) + processes * (values - values.detach())


def total(values: Tensor) -> Tensor:
    """The values summed over the processes of a step, without a gradient; the values themselves outside of `shared_step`."""
    return values if _PROCESSES.get() == 1 else _summed(values)


def _summed(values: Tensor) -> Tensor:
    summed = values.clone()
    torch.distributed.all_reduce(summed)
    return summed


class _JoinedSum(torch.autograd.Function):
    """A sum over processes whose gradient is the sum of all processes' gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return _summed(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def joined_sum(values: Tensor) -> Tensor:
    """`step_sum` of something that enters the loss of each item (statistics that normalise it), rather than the loss of the step.

    What the items of other processes owe to these values is added up on the way back; so all processes have to go it together.
    """
    return values if _PROCESSES.get() == 1 else _JoinedSum.apply(values)


def step_mean(values: Tensor) -> Tensor:
    """The mean of all elements over the items of a step: Σ_p Σ values / Σ_p number of values; 0 without any."""
    return step_sum(values.sum()) / step_sum(values.new_tensor(float(values.numel()))).clamp(min=1)
