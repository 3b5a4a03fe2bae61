"""Random numbers that belong to an item, not to its place in a batch.

    u(item, column) = h(h(item) ⊕ h(key) + h(column)),   item = hash of (row of the molecule in its store, place in the molecule)

with a 32-bit mixing function h. A molecule gets the same numbers whichever other molecules share its batch and whichever process
holds it; a new key gives new numbers. One key is all that is drawn from a generator, so the generators of several processes
stay equal.

Source: h is the "lowbias32" function of Wellons, github.com/skeeto/hash-prospector.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hooke.molecules.batch import MoleculeBatch

Axis = Literal["graphs", "nodes", "edges", "bonds", "pairs", "nodes and graphs"]
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


def item_ids(batch: MoleculeBatch, axis: Axis) -> Int[Tensor, " items"]:
    """(items,) int32, a hash of each item: of a molecule's row, and of the place of an atom, edge or bond in its molecule."""
    device = batch.node_graph.device
    rows = batch.rows if len(batch.rows) == batch.num_graphs else torch.arange(batch.num_graphs, device=device)
    graphs = mixed(_low(rows)) ^ _low(rows >> 32)
    if axis == "graphs":
        return mixed(graphs + 1)
    if axis == "nodes":
        return _within(graphs, batch.node_graph, batch.num_graphs)
    if axis == "nodes and graphs":
        return torch.cat([item_ids(batch, "nodes"), item_ids(batch, "graphs")])
    if axis == "pairs":
        return _within(graphs, batch.node_graph[batch.pair_index[0]], batch.num_graphs)
    graph = batch.node_graph[batch.edge_index[1]]
    if axis == "bonds":
        graph = graph.new_empty(batch.num_bonds).scatter_(0, batch.edge_bond, graph)
    return _within(graphs, graph, batch.num_graphs)


def _within(graphs: Tensor, graph: Tensor, count: int) -> Tensor:
    """A hash of (molecule, place in it) for items that come molecule by molecule."""
    sizes = torch.zeros(count, dtype=torch.int64, device=graph.device).scatter_add_(0, graph, torch.ones_like(graph))
    place = torch.arange(len(graph), device=graph.device) - (sizes.cumsum(0) - sizes)[graph]
    return mixed(graphs[graph] + _low(place + 2) * _GOLDEN)


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


def item_uniform(
    batch: MoleculeBatch, axis: Axis, columns: int, generator: torch.Generator
) -> Float[Tensor, "items columns"]:
    """New uniform numbers in [0, 1) for each item of a batch; one key is drawn from the generator."""
    return uniform(keyed(item_ids(batch, axis), new_key(generator)), columns)
