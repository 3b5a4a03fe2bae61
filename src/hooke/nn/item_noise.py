"""Random numbers that belong to an item, not to its place in a batch.

    u(item, column) = h(h(item) ⊕ h(key) + h(column)),   item = hash of (row of the molecule in its store, place in the molecule)

with a 32-bit mixing function h. A molecule gets the same numbers whichever other molecules share its batch and whichever process
holds it; a new key gives new numbers. One key is all that is drawn from a generator, so the generators of several processes
stay equal.

Source: h is the "lowbias32" function of Wellons, github.com/skeeto/hash-prospector.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hooke.core.types import Batch

_GOLDEN = 0x9E3779B9 - (1 << 32)
_FIRST, _SECOND = 0x7FEB352D, 0x846CA68B - (1 << 32)


def mixed(values: Int[Tensor, "*shape"]) -> Int[Tensor, "*shape"]:
    """The hash h of int32 values, which are overwritten."""
    values ^= (values >> 16) & 0xFFFF
    values *= _FIRST
    values ^= (values >> 15) & 0x1FFFF
    values *= _SECOND
    values ^= (values >> 16) & 0xFFFF
    return values


def item_ids(batch: Batch, axis: str) -> Int[Tensor, " items"]:
    """(n,) int32, a hash of the row of each item, and of a part's place in it; "nodes and graphs" joins two axes."""
    if " and " in axis:
        return torch.cat([item_ids(batch, one) for one in axis.split(" and ")])
    rows, place = batch.item_keys(axis)
    items = mixed(_low(rows)) ^ _low(rows >> 32)
    return mixed(items + 1) if place is None else mixed(items + _low(place + 2) * _GOLDEN)


def _low(values: Tensor) -> Tensor:
    """The low 32 bits of int64 values, as int32."""
    return ((values + (1 << 31)) % (1 << 32) - (1 << 31)).to(torch.int32)


def new_key(generator: torch.Generator) -> int:
    """One draw."""
    return int(torch.randint(0, 2**31 - 1, (), generator=generator, device=generator.device))


def keyed(ids: Int[Tensor, "*items"], key: int) -> Int[Tensor, "*items"]:
    """The hashes under a key: unrelated to those under another."""
    return mixed(ids ^ mixed(torch.full((1,), key, dtype=torch.int32, device=ids.device)))


def uniform(keys: Int[Tensor, "*items"], columns: int) -> Float[Tensor, "*items columns"]:
    """Uniform in [0, 1) with 24 bits, for each item and column.

    Args:
        keys: From `keyed`.
        columns: How many numbers an item.
    """
    numbers = mixed(torch.arange(1, columns + 1, dtype=torch.int32, device=keys.device) * _GOLDEN)
    return (mixed(keys[..., None] + numbers) >> 8 & 0xFFFFFF).float() * 2.0**-24


def item_uniform(batch: Batch, axis: str, columns: int, generator: torch.Generator) -> Float[Tensor, "items columns"]:
    """New uniform numbers in [0, 1) for each item of a batch; one key is drawn from the generator."""
    return uniform(keyed(item_ids(batch, axis), new_key(generator)), columns)
