"""AdaBN: batch-norm statistics of one experimental batch, from its own images alone.

    μ, σ² of every batch-norm layer ← over all images of the batch, layer after layer as they see each other

Weights stay as they are. Statistics of several mini-batches are their plain averages, so give mini-batches of equal size.

Source: Li et al. 2016 (arXiv 1603.04779).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hooke.core.errors import UsageError
from hooke.images.batch import ImageBatch
from hooke.nn.modes import evaluating


def norm_layers(network: nn.Module) -> list[_BatchNorm]:
    """The batch-norm layers with running statistics.

    Raises:
        UsageError: There is none.
    """
    layers = [
        module for module in network.modules() if isinstance(module, _BatchNorm) and module.running_mean is not None
    ]
    if not layers:
        raise UsageError(
            "AdaBN adapts batch-norm statistics, but this encoder has no batch norm; use densenet or resnet, or correct the "
            "embeddings instead"
        )
    return layers


@torch.no_grad()
def adapt_statistics(network: Any, batches: Iterable[ImageBatch]) -> int:
    """Replace the statistics by those of these images; the number of images seen.

    Args:
        network: Has `embed(batch)`; all but its batch-norm layers run in evaluation mode.
        batches: Images of one experimental batch.

    Raises:
        UsageError: No batch norm, or no image.
    """
    layers = norm_layers(network)
    momenta = [layer.momentum for layer in layers]
    images = 0
    with evaluating(network):
        for layer in layers:
            layer.training = True
            layer.momentum = None  # a plain average over mini-batches
            layer.reset_running_stats()
        try:
            for batch in batches:
                network.embed(batch)
                images += batch.num_items
        finally:
            for layer, momentum in zip(layers, momenta, strict=True):
                layer.training, layer.momentum = False, momentum
    if not images:
        raise UsageError("AdaBN needs the images of an experimental batch, got none")
    return images


@contextmanager
def adapted(network: Any, batches: Iterable[ImageBatch]) -> Iterator[None]:
    """The statistics of these images within the block, the former ones after it."""
    former: list[dict[str, Tensor]] = [
        {name: value.clone() for name, value in layer.named_buffers()} for layer in norm_layers(network)
    ]
    try:
        adapt_statistics(network, batches)
        yield
    finally:
        for layer, buffers in zip(norm_layers(network), former, strict=True):
            for name, value in buffers.items():
                getattr(layer, name).copy_(value)
