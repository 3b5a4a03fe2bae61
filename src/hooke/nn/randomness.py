"""Dropout from an explicit generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def random_from(generator: torch.Generator, network: nn.Module) -> Iterator[None]:
    """Within the block, dropout of a training network depends on `generator` alone; the global state is left as it was.

    The same holds for every module that declares `draws_randomly = True`.
    """
    draws = any(
        module.training
        and (getattr(module, "draws_randomly", False) or (isinstance(module, nn.Dropout) and module.p > 0))
        for module in network.modules()
    )
    if not draws:
        yield
        return
    seed = int(torch.randint(0, 2**31 - 1, (), generator=generator, device=generator.device))
    parameter = next(network.parameters())
    with torch.random.fork_rng(devices=[parameter.device] if parameter.is_cuda else []):
        torch.manual_seed(seed)
        yield
