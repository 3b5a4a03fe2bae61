"""A short training loop for the benches that compare many small networks; `hooke fit` is the real one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch


def train(
    network: Any, objective: Any, batches: Iterable[Any], steps: int, seed: int, *, rate: float = 2e-3
) -> dict[str, float]:
    """AdamW with one cycle of the rate; the mean over the last tenth of the steps of what the objective logs.

    Args:
        network: What `objective.network` made.
        objective: A registered task.
        batches: At least `steps` of them.
        steps: How many to take.
        seed: Of turns, masks and views.
        rate: Peak learning rate.
    """
    groups = [
        {"params": [value for value in network.parameters() if value.ndim > 1], "weight_decay": 0.05},
        {"params": [value for value in network.parameters() if value.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, rate, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.15)
    generator = torch.Generator().manual_seed(seed)
    network.train()
    logged: dict[str, list[float]] = {}
    for step, batch in zip(range(steps), batches, strict=False):
        losses = objective.losses(network, batch, step, generator)
        optimiser.zero_grad()
        losses["loss"].backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 3.0)
        optimiser.step()
        schedule.step()
        if step >= steps - max(1, steps // 10):
            for name, value in losses.items():
                logged.setdefault(name, []).append(float(value.detach()))
    network.eval()
    return {name: round(float(np.mean(values)), 4) for name, values in logged.items()}
