"""AdamW with decay only where it belongs, and the learning rate as a function of the step."""

from __future__ import annotations

import math

import torch
from torch import nn

from hooke.train.recipe import TrainSection

_NO_DECAY = (nn.LayerNorm, nn.BatchNorm1d, nn.Embedding)


def make_optimiser(network: nn.Module, section: TrainSection) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019); weights with one dimension, norms and embeddings are not decayed.

    Parameters under `encoder` get `encoder_rate` times the learning rate; with 0 they are frozen.
    """
    exempt = {
        id(parameter)
        for module in network.modules()
        if isinstance(module, _NO_DECAY)
        for parameter in module.parameters()
    }
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        encoder = name.startswith("encoder.")
        if encoder and section.encoder_rate == 0:
            parameter.requires_grad_(False)
            continue
        decays = parameter.ndim > 1 and id(parameter) not in exempt
        groups.setdefault((encoder, decays), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": section.weight_decay if decays else 0.0,
                "rate": section.encoder_rate if encoder else 1.0,
            }
            for (encoder, decays), parameters in groups.items()
        ],
        lr=section.learning_rate,
        fused=True,
    )


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


def set_learning_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of every group, times the group's own factor."""
    for group in optimiser.param_groups:
        group["lr"] = rate * group.get("rate", 1.0)
