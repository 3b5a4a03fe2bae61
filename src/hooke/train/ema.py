"""Exponential moving average of the weights: what is validated and kept when `train.ema` is set."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class ExponentialAverage:
    """w̄ ← β w̄ + (1 - β) w after each step, with β = min(decay, (1 + t) / (10 + t)) so that the start is forgotten fast.

    Buffers (batch-norm statistics) are copied, not averaged.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay, self.steps = decay, 0
        self.weights = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Take in the weights after one optimiser step."""
        self.steps += 1
        beta = min(self.decay, (1 + self.steps) / (10 + self.steps))
        parameters = dict(network.named_parameters())
        for name, tensor in network.state_dict().items():
            if name in parameters:
                self.weights[name].lerp_(tensor, 1 - beta)
            else:
                self.weights[name].copy_(tensor)

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
        return {"steps": self.steps, **{f"weights.{name}": tensor for name, tensor in self.weights.items()}}

    def restore(self, state: dict[str, Tensor | int]) -> None:
        """Take a checkpoint's state."""
        self.steps = int(state["steps"])
        self.weights = {name.removeprefix("weights."): value for name, value in state.items() if name != "steps"}
