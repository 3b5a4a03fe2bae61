"""The depth of an encoder: what comes before its layers, the layers, and what comes after the last one.

Level 0 is everything before the layers and everything that all of them share, levels 1 ... L are the layers, level L + 1 comes after
the last. Fine-tuning freezes, slows down, replaces and thaws by these levels; every parameter of an encoder has one.

An encoder says in `stacks` which of its module lists grow with depth ("layers" where it says nothing): entry i of each belongs to layer i,
counted from the last one, so that a list with one entry more than there are layers begins with one that belongs to level 0. `tail` names
the modules after the last layer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import nn

from hooke.core.errors import UsageError

_STACKS = ("layers",)


@dataclass(frozen=True)
class Depth:
    """The levels of one encoder.

    Attributes:
        encoder: The encoder.
        layers: The modules of each layer, first to last.
        tail: The modules after the last layer.
    """

    encoder: nn.Module
    layers: tuple[tuple[nn.Module, ...], ...]
    tail: tuple[nn.Module, ...]

    @property
    def count(self) -> int:
        """L."""
        return len(self.layers)

    @cached_property
    def levels(self) -> dict[str, int]:
        """Name of a parameter or buffer of the encoder → its level."""
        level_of = {
            id(tensor): level
            for level, modules in enumerate((*self.layers, self.tail), 1)
            for module in modules
            for tensor in (*module.parameters(), *module.buffers())
        }
        named = [*self.encoder.named_parameters(), *self.encoder.named_buffers()]
        return {name: level_of.get(id(tensor), 0) for name, tensor in named}

    def train(self, first: int) -> None:
        """Training mode of the levels from `first` on, evaluation mode of those before: without dropout, and running statistics stay."""
        self.encoder.train(first == 0)
        if first == 0:
            return
        for level, modules in enumerate((*self.layers, self.tail), 1):
            for module in modules:
                module.train(level >= first)


def depth_of(encoder: nn.Module) -> Depth:
    """The levels of an encoder.

    Raises:
        UsageError: It has no stacked layers.
    """
    stacks = [entries for name in getattr(encoder, "stacks", _STACKS) if (entries := _entries(encoder, name))]
    if not stacks:
        raise UsageError(
            f"the layers of this encoder are not known: {type(encoder).__name__} has no module lists `stacks`"
        )
    count = min(len(stack) for stack in stacks)
    layers = zip(*(stack[len(stack) - count :] for stack in stacks), strict=True)
    tail = tuple(part for name in getattr(encoder, "tail", ()) if (part := _part(encoder, name)) is not None)
    return Depth(encoder, tuple(tuple(part for parts in layer for part in parts) for layer in layers), tail)


def _part(encoder: nn.Module, name: str) -> nn.Module | None:
    """A module by its path; None where this encoder goes without."""
    parent, _, own = name.rpartition(".")
    return getattr(encoder.get_submodule(parent), own, None)


def _entries(encoder: nn.Module, name: str) -> list[list[nn.Module]]:
    """The modules of each entry of a stack; none where this encoder has no such list. Each linear map of a sequence begins an entry."""
    stack = _part(encoder, name)
    if isinstance(stack, nn.ModuleList):
        return [[module] for module in stack]
    if not isinstance(stack, nn.Sequential):
        return []
    entries: list[list[nn.Module]] = []
    for module in stack:
        if isinstance(module, nn.Linear) or not entries:
            entries.append([])
        entries[-1].append(module)
    return entries


def layer_numbers(encoder: Any, asked: Sequence[str]) -> list[int]:
    """The layers that names stand for; 0 for "last", which is what the encoder gives.

    Raises:
        UsageError: No such layer, or one that is asked for twice.
    """
    if not asked:
        return []
    count, numbers = depth_of(encoder).count, []
    for name in asked:
        number = 0 if name == "last" else int(name) if re.fullmatch(r"-?\d{1,4}", name) else None
        number = count + 1 + number if number is not None and number < 0 else number
        if number is None or not (name == "last" or 1 <= number <= count):
            raise UsageError(f"layers are 1 to {count}, -1 to -{count} from the end, or last; got {name!r}")
        numbers.append(number)
    if len(set(numbers)) < len(numbers):
        raise UsageError(f"a layer is named twice in {','.join(asked)}")
    return numbers
