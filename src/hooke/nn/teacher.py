"""A teacher that follows its student as an exponential moving average.

    w̄ ← m w̄ + (1 - m) w,  m = 1 - (1 - m₀) (cos(π t) + 1) / 2,  t from 0 to 1 over training

Buffers with fractions (batch-norm statistics) are averaged like weights, counters are copied. The teacher's own passes never
change its statistics: in training its batch norms use those of the mini-batch.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def momentum_at(step: int, steps: int, start: float) -> float:
    """M at a step; 1 from the last one on."""
    return 1 - (1 - start) * (math.cos(math.pi * min(1.0, step / max(1, steps))) + 1) / 2


class Teacher(nn.Module):
    """A copy of a module that gets no gradient.

    Attributes:
        seen: The last training step that was taken in, -1 before the first.
    """

    seen: Tensor

    def __init__(self, student: nn.Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(student)
        for parameter in self.module.parameters():
            parameter.requires_grad_(False)
        for part in self.module.modules():
            if isinstance(part, _BatchNorm):
                part.momentum = 0.0
        self.register_buffer("seen", torch.tensor(-1))

    @torch.no_grad()
    def follow(self, student: nn.Module, momentum: float, step: int) -> None:
        """Take in the student's weights, once a step; at the first step they are the same already."""
        if step <= int(self.seen):
            return
        self.seen.fill_(step)
        mine = self.module.state_dict()
        for name, tensor in student.state_dict().items():
            if tensor.is_floating_point():
                mine[name].lerp_(tensor, 1 - momentum)
            else:
                mine[name].copy_(tensor)
