"""Randomness of a network in training, from an explicit generator.

Modules that draw for each atom, edge or molecule are `ItemRandom`: within `random_from` their numbers follow from the generator
and the item (`nn.item_noise`), so that a step does not depend on how its molecules are shared among processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hooke.core.types import Batch
from hooke.nn.item_noise import item_ids, keyed, new_key, uniform

_CALLS = 0x3C6EF372  # between the keys of two calls of one module


class ItemRandom(nn.Module):
    """A module that draws numbers for items in training."""

    draws_randomly = True

    def __init__(self, axis: str) -> None:
        super().__init__()
        self.axis = axis
        self.keys: Tensor | None = None
        self.calls = 0

    def draws(self) -> bool:
        """Whether it draws in its present mode."""
        return self.training

    def call_keys(self) -> Int[Tensor, " items"] | None:
        """(items,) int32 for this call, other ones for each; None outside of `random_from`."""
        if self.keys is None:
            return None
        self.calls += 1
        return self.keys + (_CALLS * self.calls % (1 << 32) - (1 << 31))

    def uniform(self, items: int, columns: int, like: Tensor) -> Float[Tensor, "items columns"]:
        """Uniform in [0, 1), on the device of `like`; from torch's generator outside of `random_from`."""
        keys = self.call_keys()
        if keys is None:
            return torch.rand(items, columns, device=like.device)
        if len(keys) != items:
            raise ValueError(f"{items} rows where the batch has {len(keys)} {self.axis}")
        return uniform(keys, columns)

    def normal(self, items: int, columns: int, like: Tensor) -> Float[Tensor, "items columns"]:
        """Standard normal numbers in the type of `like`: √(-2 ln(1 - u)) cos(2π v) (Box and Muller 1958)."""
        u, v = self.uniform(items, 2 * columns, like).to(like.dtype).split(columns, dim=1)
        return (-2 * (1 - u).log()).sqrt() * (2 * torch.pi * v).cos()


class ItemDropout(ItemRandom):
    """Dropout whose mask belongs to the item: x ← x m / (1 - p), m = 1 with probability 1 - p, for each number of a row.

    Outside of `random_from` it draws from torch's generator.

    Attributes:
        kept_on: Whether it drops in evaluation too (Monte Carlo dropout).
    """

    def __init__(self, p: float, axis: str) -> None:
        super().__init__(axis)
        self.p = p
        self.kept_on = False

    def draws(self) -> bool:
        """Whether it drops anything in its present mode."""
        return (self.training or self.kept_on) and self.p > 0

    def forward(self, rows: Float[Tensor, "items width"]) -> Float[Tensor, "items width"]:
        """What is left of the rows in training; the rows in evaluation."""
        if not self.draws():
            return rows
        return rows * self.kept(len(rows), rows.shape[1], rows)

    def kept(self, items: int, columns: int, like: Tensor) -> Float[Tensor, "items columns"]:
        """1 / (1 - p) with probability 1 - p, else 0."""
        return self.scaled(self.uniform(items, columns, like), like.dtype)

    def scaled(self, draws: Float[Tensor, "*shape"], dtype: torch.dtype) -> Float[Tensor, "*shape"]:
        """1 / (1 - p) where a uniform number says so, else 0."""
        return (draws >= self.p).to(dtype) / max(1 - self.p, 1e-12)

    def extra_repr(self) -> str:
        """For printing."""
        return f"p={self.p}, axis={self.axis}"


@contextmanager
def random_from(generator: torch.Generator, network: nn.Module, batch: Batch | None = None) -> Iterator[None]:
    """Within the block, a training network's randomness depends on `generator` alone; the global state is left as it was.

    This holds for dropout and for every module that declares `draws_randomly = True`. One number is drawn.

    Args:
        generator: The source.
        network: All modules of it.
        batch: What it is going to see; `ItemRandom` modules then draw by item.
    """
    if not any(_draws(module) for module in network.modules()):
        yield
        return
    seed = new_key(generator)
    parameter = next(network.parameters())
    items = [] if batch is None else [m for m in network.modules() if isinstance(m, ItemRandom) and m.draws()]
    ids = {} if batch is None else {axis: item_ids(batch, axis) for axis in dict.fromkeys(m.axis for m in items)}
    for number, module in enumerate(items):
        module.keys, module.calls = keyed(ids[module.axis], (seed + 0x9E3779B1 * number) % (2**31 - 1)), 0
    try:
        with torch.random.fork_rng(devices=[parameter.device] if parameter.is_cuda else []):
            torch.manual_seed(seed)
            yield
    finally:
        for module in items:
            module.keys = None


def _draws(module: nn.Module) -> bool:
    if isinstance(module, ItemRandom):
        return module.draws()
    drops = isinstance(module, nn.Dropout) and module.p > 0
    return module.training and (drops or getattr(module, "draws_randomly", False))
