"""Coordinate check: how far the activations of each layer move in some steps of training, at several widths.

    movement(layer, width) = √ mean (x_k - x_0)²   over all entries x of what the layer puts out for one batch

after k steps on that batch. Under width transfer (`nn.width_transfer`) it does not depend on the width; under the standard parametrisation
with one learning rate it grows with it. The slope of log₂ movement over log₂ width says so in one number a layer.

Source: Yang et al. 2022 (Tensor Programs V, arXiv 2203.03466), appendix D.1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hooke.core.recipe import TrainSection
from hooke.nn.graphs.distinct import Distinct
from hooke.train.optimiser import make_optimiser, set_learning_rate


def movements(network: Any, task: Any, batch: Any, section: TrainSection, steps: int) -> dict[str, float]:
    """Name of a layer → how far its activations on the batch move in `steps` steps on it, at the section's constant rate.

    Layers are the encoder's inputs, each of its layers, and each head; "[k]" is the k-th further tensor that a layer gives.

    Args:
        network: Encoder and heads; trained in place.
        task: Gives the loss.
        batch: One batch.
        section: Optimiser, learning rate and decay.
        steps: Of training.
    """
    optimiser = make_optimiser(network, section)
    set_learning_rate(optimiser, section.learning_rate)
    generator = torch.Generator().manual_seed(0)
    before = activations(network, batch)
    for step in range(steps):
        optimiser.zero_grad()
        task.losses(network, batch, step, generator)["loss"].backward()
        optimiser.step()
    after = activations(network, batch)
    return {name: float((after[name] - rows).square().mean().sqrt()) for name, rows in before.items()}


@torch.no_grad()
def activations(network: Any, batch: Any) -> dict[str, Tensor]:
    """What each layer puts out in one forward pass, in float64."""
    found: dict[str, Tensor] = {}

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: Any, output: Any) -> None:
            for place, rows in enumerate(_tensors(output)):
                found[f"{name}[{place}]" if place else name] = rows.double()

        return hook

    with ExitStack() as hooks:
        for name, module in watched(network).items():
            hooks.callback(module.register_forward_hook(note(name)).remove)
        network(batch)
    return found


def watched(network: Any) -> dict[str, nn.Module]:
    """The modules whose outputs are measured."""
    inputs = {name: module for name, module in network.encoder.named_children() if name.endswith("inputs")}
    layers = {f"layers.{number}": layer for number, layer in enumerate(network.encoder.layers)}
    return {**inputs, **layers, **{f"heads.{name}": head for name, head in network.heads.items()}}


def _tensors(output: Any) -> list[Tensor]:
    if isinstance(output, Tensor):
        return [output]
    if isinstance(output, Distinct):
        return [output.rows]
    return [rows for part in output or () for rows in _tensors(part)]


def slopes(moved: Mapping[int, Sequence[Mapping[str, float]]]) -> dict[str, float]:
    """Layer → slope of log₂ of its movement, averaged over repeats, over log₂ of the width.

    Args:
        moved: Width → the `movements` of each repeat (seed).
    """
    widths = sorted(moved)
    found = {}
    for layer in moved[widths[0]][0]:
        means = [np.mean([np.log2(one[layer]) for one in moved[width]]) for width in widths]
        found[layer] = float(np.polyfit(np.log2(widths), means, 1)[0])
    return found
