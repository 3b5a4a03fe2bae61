"""How hard each task pulls at the encoder: the norm of its own gradient.

    g_k = ‖∂L_k / ∂θ_encoder‖

with L_k the loss of task k as it enters the total. Tasks with much larger norms than others decide where a shared encoder goes.

Source: Chen et al. 2018 (GradNorm, arXiv 1711.02257), who balance these norms; here they are only measured.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from hooke.nn.task import Task


def gradient_norms(network: nn.Module, task: Task, batch: Any, step: int) -> dict[str, float]:
    """Name of each part of the loss → norm of its gradient at the encoder, in evaluation mode; empty when the encoder is frozen.

    Args:
        network: Encoder and heads; left as it was.
        task: The objective.
        batch: On the network's device.
        step: Of training.
    """
    weights = [parameter for parameter in network.get_submodule("encoder").parameters() if parameter.requires_grad]
    if not weights:
        return {}
    training = [module for module in network.modules() if module.training]
    network.eval()
    try:
        generator = torch.Generator().manual_seed(0)
        losses = task.parts(network, batch, step, generator)
        return {name: _norm(loss, weights) for name, loss in losses.items() if loss.requires_grad}
    finally:
        for module in training:
            module.training = True


def _norm(loss: torch.Tensor, weights: list[nn.Parameter]) -> float:
    found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
    known = [gradient.float() for gradient in found if gradient is not None]
    return (
        float(torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(one) for one in known]))) if known else 0.0
    )
