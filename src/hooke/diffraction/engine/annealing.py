"""How sharply orientations are told apart while the model is still poor: posteriors are taken to a power β that grows to 1.

    P_rd ∝ w_r exp(β L_rd),    I(β) = mean_d Σ_r P_rd log(P_rd / w_r)

I, the information that a frame gives of its rotation, rises with β. `adaptive` finds the β whose I stands on a ramp over the iterations, so
that neither brightness nor the number of pixels has to be known beforehand; `fixed` multiplies a β of the frames' brightness.

Source: Ayyer et al., J. Appl. Cryst. 49, 1320 (2016) (β of the brightness, and that it is doubled).
Differs from the paper: the ramp of information; w_r is never taken to the power β.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hooke.core.errors import UnknownNameError, UsageError

KINDS = ("adaptive", "fixed")
_LOWEST, _HALVINGS = 1e-5, 18


@dataclass(frozen=True)
class Annealing:
    """A schedule of β over the iterations of one start.

    Attributes:
        kind: "adaptive" or "fixed".
        iterations: Of a start.
        first, last: adaptive: information at the first iteration, in nats, and at the end of the ramp as a share of log(rotations).
        ramp: adaptive: Share of the iterations after which β may be 1.
        factor, every: fixed: β is multiplied by `factor` after each so many iterations.

    Raises:
        UnknownNameError, UsageError: An option is none.
    """

    kind: str = "adaptive"
    iterations: int = 20
    first: float = 1.0
    last: float = 0.9
    ramp: float = 0.8
    factor: float = 2.0
    every: int = 2

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownNameError("annealing", self.kind, KINDS)
        if self.iterations < 1 or self.every < 1 or self.factor < 1 or not 0 < self.ramp <= 1:
            raise UsageError(
                "annealing needs at least 1 iteration, every 1 or more, a factor of 1 or more and a ramp above 0 and at most 1"
            )

    def target(self, iteration: int, rotations: int) -> float | None:
        """Information that iteration (from 0) aims at, in nats; None once β is 1."""
        end = math.ceil(self.ramp * self.iterations)
        if iteration >= end:
            return None
        last = self.last * math.log(rotations)
        return min(self.first, last) + max(0.0, last - self.first) * iteration / end

    def fixed(self, iteration: int, photons: float) -> float:
        """β of iteration (from 0) for frames of so many photons on average."""
        start = math.exp(-6.5 * (photons * 1e-5) ** 0.15)
        return min(1.0, start * self.factor ** (iteration // self.every))


def information(logits: Tensor, log_weights: Tensor, beta: float) -> Tensor:
    """(frames,) float64 information of each frame at β; (frames, columns) logits without w."""
    annealed = beta * logits
    weighted = annealed + log_weights
    normaliser = torch.logsumexp(weighted, 1, keepdim=True)
    posterior = torch.exp(weighted - normaliser)
    return (posterior * (annealed - normaliser)).sum(1, dtype=torch.float64)


def beta_of(target: float | None, logits: Tensor, log_weights: Tensor, mean: Callable[[Tensor], float]) -> float:
    """The β between 10⁻⁵ and 1 at which frames give this information, by bisection of log β; 1 where they give less at β = 1.

    Args:
        target: In nats; None is β = 1.
        logits: (frames, columns) of the frames that are asked.
        log_weights: (columns,).
        mean: Of the information of each of these frames, over all processes.
    """
    if target is None or mean(information(logits, log_weights, 1.0)) <= target:
        return 1.0
    low, high = math.log(_LOWEST), 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if mean(information(logits, log_weights, math.exp(middle))) < target:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)
