"""AdaBN: batch-norm statistics of one experimental batch, from its own images alone.

    μ, σ² of every batch-norm layer ← over all images of the batch, layer after layer as they see each other

Weights stay as they are. Statistics of several mini-batches are their plain averages, so give mini-batches of equal size.

Source: Li et al. 2016 (arXiv 1603.04779).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from hooke.core.errors import UsageError
from hooke.images.batch import ImageBatch
from hooke.nn.modes import evaluating

KEPT = 16  # experimental batches whose statistics are kept for a network: some kilobytes each
_Statistics = list[dict[str, Tensor]]
_KNOWN: WeakKeyDictionary[nn.Module, OrderedDict[Hashable, _Statistics]] = WeakKeyDictionary()


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
def adapted(network: nn.Module, batches: Iterable[ImageBatch], *, key: Hashable = None) -> Iterator[None]:
    """The statistics of these images within the block, the former ones after it.

    Args:
        network: As in `adapt_statistics`.
        batches: Images of one experimental batch.
        key: What these images are; for a key that was given before, while the weights are what they were, no image is seen again. The
            statistics of the last `KEPT` keys of a network are kept.
    """
    former, found = _statistics(network), None
    known = _KNOWN.setdefault(network, OrderedDict())
    place = key, sum(parameter._version for parameter in network.parameters())
    if key is not None and (found := known.get(place)) is not None:
        known.move_to_end(place)
    try:
        if found is not None:
            _put(network, found)
        else:
            adapt_statistics(network, batches)
            if key is not None:
                known[place] = _statistics(network)
                while len(known) > KEPT:
                    known.popitem(last=False)
        yield
    finally:
        _put(network, former)


def _statistics(network: nn.Module) -> _Statistics:
    return [{name: value.clone() for name, value in layer.named_buffers()} for layer in norm_layers(network)]


def _put(network: nn.Module, statistics: _Statistics) -> None:
    for layer, buffers in zip(norm_layers(network), statistics, strict=True):
        for name, value in buffers.items():
            getattr(layer, name).copy_(value)
