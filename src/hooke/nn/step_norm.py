"""Batch normalisation over all rows of a training step, whichever process holds them."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.nn.processes import joined_sum

_MOMENTUM = 0.1
_EPSILON = 1e-5


class StepNorm(nn.Module):
    """(x - mean) / sqrt(variance + ε), column by column, without learned scale and shift.

    As `torch.nn.BatchNorm1d(width, affine=False)`, with mean and variance over the rows of all processes of a step, so that P
    processes take the step of one with P times the rows. A single row is normalised as in evaluation.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        """The rows, normalised; in training the running statistics move towards theirs."""
        mean, variance = self.mean, self.variance
        if self.training:
            count = joined_sum(rows.new_tensor(float(len(rows)))).clamp(min=1)
            several = count > 1  # a tensor: asking for its value would make the device wait
            own = joined_sum(rows.sum(0)) / count
            spread = joined_sum((rows - own).square().sum(0)) / count
            mean, variance = own.where(several, mean.to(own.dtype)), spread.where(several, variance.to(own.dtype))
            self._remember(own.detach(), spread.detach() * count / (count - 1).clamp(min=1), several)
        return (rows - mean) / (variance + _EPSILON).sqrt()

    def _remember(self, mean: Tensor, variance: Tensor, several: Tensor) -> None:
        for kept, new in ((self.mean, mean), (self.variance, variance)):
            kept.lerp_(new.to(kept.dtype), _MOMENTUM * several.to(kept.dtype))
