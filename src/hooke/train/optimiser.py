"""AdamW or Lion with decay only where it belongs.

Lion: sign of an interpolation of momentum and gradient, with decoupled weight decay.

    c = β₁ m + (1 - β₁) g;  w ← w - η (sign c + λ w);  m ← β₂ m + (1 - β₂) g

It keeps one number a weight, half of Adam's state. Its rate is three to ten times smaller than Adam's, its decay as much larger.

Source: Chen et al. 2023 (arXiv 2302.06675); β = (0.9, 0.95), λ = 0.05 for masked autoencoders of cells (arXiv 2309.16064).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from hooke.core.errors import UsageError
from hooke.core.recipe import TrainSection
from hooke.nn.width_transfer import rate_factors
from hooke.train.adaptation import Adaptation


class Lion(torch.optim.Optimizer):
    """Lion over one or several groups of parameters, many tensors at a time.

    Args:
        params: Parameters, or groups of them.
        lr: Rate η.
        betas: β₁ and β₂.
        weight_decay: λ.

    Raises:
        UsageError: A number out of its range.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.05,
    ) -> None:
        if lr < 0 or weight_decay < 0 or not all(0 <= beta < 1 for beta in betas):
            raise UsageError(
                f"Lion takes lr and weight_decay >= 0 and betas in [0, 1), got {lr}, {weight_decay}, {betas}"
            )
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; parameters without a gradient are left alone."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            gradients = [weight.grad for weight in weights]
            momenta = [self._momentum(weight) for weight in weights]
            first, second = group["betas"]
            direction = torch._foreach_lerp(gradients, momenta, first)
            torch._foreach_sign_(direction)
            torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
            torch._foreach_add_(weights, direction, alpha=-group["lr"])
            torch._foreach_lerp_(momenta, gradients, 1 - second)
        return loss

    def _momentum(self, weight: Tensor) -> Tensor:
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight, memory_format=torch.preserve_format)
        return state["momentum"]


def make_optimiser(network: nn.Module, section: TrainSection) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019) or Lion; what has one dimension (biases, norms), embeddings and tokens are not decayed.

    With width transfer each parameter has its own rate (`nn.width_transfer`), and a decay that times the rate stays the same at every width.
    Parameters of the encoder get `encoder_rate` times the learning rate, and `layer_decay` for each layer that follows. What is
    never trained needs no gradient afterwards, and has no place in the optimiser.
    """
    adaptation = Adaptation.of(network, section)
    adaptation.freeze()
    exempt = {
        id(parameter)
        for module in network.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters()
    }
    factors = rate_factors(network)
    groups: dict[tuple[float, int, bool, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            token = name.endswith(("token", "tokens"))
            decays = parameter.ndim > 1 and not token and id(parameter) not in exempt
            key = (adaptation.rate(name), adaptation.first_epoch(name) or 0, decays, factors.get(name, 1.0))
            groups.setdefault(key, []).append(parameter)
    settings: list[dict[str, Any]] = [
        {
            "params": parameters,
            "weight_decay": section.weight_decay / factor if decays else 0.0,
            "rate": factor * rate,
            "first_epoch": first_epoch,
        }
        for (rate, first_epoch, decays, factor), parameters in groups.items()
    ]
    if section.optimiser == "lion":
        return Lion(settings, lr=section.learning_rate)
    return torch.optim.AdamW(
        settings,
        lr=section.learning_rate,
        fused=section.precision != "16-mixed",  # torch's fused kernel cannot be combined with loss scaling and clipping
    )


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float, epoch: int = 0) -> None:
    """Set the rate of every group, times the group's own factor; 0 before the group's first epoch."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["rate"] if epoch >= group["first_epoch"] else 0.0
