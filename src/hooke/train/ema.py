"""Exponential moving average of the weights: what is validated and kept when `train.ema` is set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class ExponentialAverage:
    """w̄ ← β w̄ + (1 - β) w after each step, with β = min(decay, (1 + t) / (10 + t)) so that the start is forgotten fast.

    Buffers (batch-norm statistics) are copied, not averaged. Made after the network has reached its device.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.weights = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the weights after one optimiser step."""
        self.steps += 1
        beta = min(self.decay, (1 + self.steps) / (10 + self.steps))
        current = network.state_dict()
        averaged = [name for name, _ in network.named_parameters(remove_duplicate=False)]  # tied ones under each name
        torch._foreach_lerp_([self.weights[name] for name in averaged], [current[name] for name in averaged], 1 - beta)
        for name in current.keys() - set(averaged):
            self.weights[name].copy_(current[name])

    @contextmanager
    def applied(self, network: nn.Module) -> Iterator[None]:
        """The network holds the averaged weights inside the block."""
        own = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
        network.load_state_dict(self.weights)
        try:
            yield
        finally:
            network.load_state_dict(own)

    def state(self) -> dict[str, Tensor | int]:
        """What a checkpoint keeps."""
        return {"steps": self.steps, **{f"weights.{name}": tensor.cpu() for name, tensor in self.weights.items()}}

    def restore(self, state: Mapping[str, Tensor | int]) -> None:
        """Take a checkpoint's state."""
        self.steps = int(state["steps"])
        for name, tensor in self.weights.items():
            tensor.copy_(state[f"weights.{name}"])
