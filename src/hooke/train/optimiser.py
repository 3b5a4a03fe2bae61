"""AdamW or Lion with decay only where it belongs, and the learning rate as a function of the step."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from hooke.core.errors import UsageError
from hooke.core.recipe import TrainSection
from hooke.nn.width_transfer import rate_factors
from hooke.train.lion import Lion


def make_optimiser(network: nn.Module, section: TrainSection) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019) or Lion; what has one dimension (biases, norms), embeddings and tokens are not decayed.

    With width transfer each parameter has its own rate (`nn.width_transfer`), and a decay that times the rate stays the same at every width.
    Parameters under `encoder` get `encoder_rate` times the learning rate. What fine-tuning keeps frozen needs no gradient
    afterwards, and has no place in the optimiser.
    """
    freeze(network, section)
    exempt = {
        id(parameter)
        for module in network.modules()
        if isinstance(module, nn.Embedding)
        for parameter in module.parameters()
    }
    factors = rate_factors(network)
    groups: dict[tuple[bool, bool, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            token = name.endswith(("token", "tokens"))
            decays = parameter.ndim > 1 and not token and id(parameter) not in exempt
            groups.setdefault((name.startswith("encoder."), decays, factors.get(name, 1.0)), []).append(parameter)
    settings: list[dict[str, Any]] = [
        {
            "params": parameters,
            "weight_decay": section.weight_decay / factor if decays else 0.0,
            "rate": factor * (section.encoder_rate if encoder else 1.0),
            "first_epoch": section.encoder_from_epoch if encoder else 0,
        }
        for (encoder, decays, factor), parameters in groups.items()
    ]
    if section.optimiser == "lion":
        return Lion(settings, lr=section.learning_rate)
    return torch.optim.AdamW(
        settings,
        lr=section.learning_rate,
        fused=section.precision != "16-mixed",  # torch's fused kernel cannot be combined with loss scaling and clipping
    )


def freeze(network: nn.Module, section: TrainSection) -> None:
    """Freeze the encoder (`encoder_rate` 0), or all of it that comes before its last `encoder_layers` layers.

    Raises:
        UsageError: The encoder has no `layers`, or fewer of them.
    """
    encoder = getattr(network, "encoder", None)
    if encoder is None or (section.encoder_rate > 0 and section.encoder_layers < 0):
        return
    frozen: list[nn.Module] = [encoder]
    if section.encoder_rate > 0:
        layers = getattr(encoder, "layers", None)
        if not isinstance(layers, nn.ModuleList):
            raise UsageError("train.encoder_layers needs an encoder whose layers are known; this one has no `layers`")
        if section.encoder_layers > len(layers):
            raise UsageError(
                f"train.encoder_layers is {section.encoder_layers}, but the encoder has {len(layers)} layers"
            )
        children = dict(encoder.named_children())
        before = list(children)[: list(children).index("layers")]
        frozen = [*(children[name] for name in before), *layers[: len(layers) - section.encoder_layers]]
    for module in frozen:
        module.requires_grad_(requires_grad=False)


def set_training(network: nn.Module, section: TrainSection, epoch: int) -> None:
    """Training mode; an encoder that does not learn in this epoch stays in evaluation mode, without dropout."""
    network.train()
    encoder = getattr(network, "encoder", None)
    if encoder is not None and (section.encoder_rate == 0 or epoch < section.encoder_from_epoch):
        encoder.eval()


def learning_rate(step: int, total: int, section: TrainSection) -> float:
    """The rate of a step (0 ... total - 1): linear warm-up to the peak, then the schedule down to `final_rate` of it."""
    warmup = round(section.warmup * total)
    if step < warmup:
        return section.learning_rate * (step + 1) / warmup
    if section.schedule == "constant":
        return section.learning_rate
    done = (step - warmup) / max(1, total - warmup)
    fall = (1 + math.cos(math.pi * min(1.0, done))) / 2 if section.schedule == "cosine" else max(0.0, 1 - done)
    return section.learning_rate * (section.final_rate + (1 - section.final_rate) * fall)


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float, epoch: int = 0) -> None:
    """Set the rate of every group, times the group's own factor; 0 before the group's first epoch."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group["rate"] if epoch >= group["first_epoch"] else 0.0
