"""Molecules of similar size side by side: how the flat nodes of a batch are laid out for dense pairs of atoms.

Whatever looks at all pairs of atoms of a molecule (attention, shortest paths) works on (molecules, size, size) blocks. One
block for the whole batch would be as wide as its largest molecule; a ragged layout leaves the fused kernels. Molecules are
therefore sorted by size and cut into blocks within which no molecule is smaller than `RATIO` of the largest; those of at most
`LEAST` atoms share one block (bench/attention_layout.py compares the layouts).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from hooke.molecules.batch import MoleculeBatch

RATIO = 0.6
LEAST = 16  # places of a molecule: below one vector of 16 floats torch's softmax on the CPU is ten times slower


@dataclass(frozen=True)
class SizeGroup:
    """`g` molecules padded to `n` places each.

    Attributes:
        graphs: (g,) int64, the molecules of the batch.
        nodes: (g, n) int64, the node in each place; any node where there is none.
        present: (g, n) whether there is a node; None when every place has one.
        places: The stretch of the layout's places, g * n of them.
    """

    graphs: Int[Tensor, " molecules"]
    nodes: Int[Tensor, "molecules size"]
    present: Bool[Tensor, "molecules size"] | None
    places: slice

    @property
    def shape(self) -> tuple[int, int]:
        """Molecules and places of each."""
        return self.nodes.shape[0], self.nodes.shape[1]


@dataclass(frozen=True)
class HeadPlaces:
    """The places of (node, head) rows when each group is laid out as (parts, molecules, heads, places).

    Attributes:
        heads: How many rows a node has in each part.
        taken: (P * heads,) int64, for one part: the row, node * heads + head, in each place.
        place: (V * heads,) int64, the place of each such row.
        taken_thrice: (3 * P * heads,) int64, for three parts: the row, (node * 3 + part) * heads + head, in each place.
        place_thrice: (3 * V * heads,) int64, the place of each such row.
        present: (P * heads, 1) float32, 1 where there is a node, for one part; None when every place has one.
    """

    heads: int
    taken: Int[Tensor, " once"]
    place: Int[Tensor, " rows"]
    taken_thrice: Int[Tensor, " thrice"]
    place_thrice: Int[Tensor, " three_rows"]
    present: Float[Tensor, "once 1"] | None


@dataclass(frozen=True)
class SizeLayout:
    """All nodes of a batch in groups.

    Attributes:
        groups: In the order of size.
        taken: (P,) int64, the node in each place of all groups.
        present: (P, 1) bool; None when every place has a node.
        place: (V,) int64, the place of each node.
    """

    groups: tuple[SizeGroup, ...]
    taken: Int[Tensor, " places"]
    present: Bool[Tensor, "places 1"] | None
    place: Int[Tensor, " nodes"]
    _of_heads: dict[int, HeadPlaces] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of_heads(self, heads: int) -> HeadPlaces:
        """The places of the rows of `heads` heads, computed once a batch."""
        if heads not in self._of_heads:
            self._of_heads[heads] = _head_places(self, heads)
        return self._of_heads[heads]

    def spread(self, rows: Float[Tensor, "nodes width"]) -> Float[Tensor, "places width"]:
        """The row of the node in each place; where there is none, any row, which gets no gradient."""
        return _Spread.apply(rows, self)

    def gather(self, rows: Float[Tensor, "places width"]) -> Float[Tensor, "nodes width"]:
        """The row of each node's place."""
        return _Gather.apply(rows, self)


def size_layout(batch: MoleculeBatch, ratio: float = RATIO) -> SizeLayout:
    """Lay out the nodes of a batch.

    Args:
        batch: Molecules.
        ratio: Smallest size in a group over the largest; 0 puts all molecules into one group.
    """
    device, offsets = batch.node_graph.device, batch.node_offsets
    sizes = offsets.diff()
    ordered, order = torch.sort(sizes, stable=True)
    groups, first, start = [], 0, 0
    for end in _ends(ordered.tolist(), ratio):
        graphs, size = order[first:end], max(int(ordered[end - 1]), LEAST)
        places = torch.arange(size, device=device)
        present = places < sizes[graphs][:, None]
        nodes = torch.where(present, offsets[graphs][:, None] + places, offsets[graphs][:, None])
        stop = start + nodes.numel()
        full = int(ordered[first]) == size
        groups.append(SizeGroup(graphs, nodes, None if full else present, slice(start, stop)))
        first, start = end, stop
    return _joined(groups, batch.num_nodes)


def _ends(ordered: list[int], ratio: float) -> list[int]:
    """Where the groups of ascending sizes end, the largest molecules grouped first."""
    ends, end = [], len(ordered)
    for index in range(len(ordered) - 1, -1, -1):
        if ordered[index] < ratio * ordered[end - 1] and ordered[end - 1] > LEAST:
            ends.append(end)
            end = index + 1
    return ([end, *ends[::-1]]) if ordered else []


def _joined(groups: list[SizeGroup], nodes: int) -> SizeLayout:
    taken = torch.cat([group.nodes.flatten() for group in groups])
    present = None
    if any(group.present is not None for group in groups):
        parts = [torch.ones_like(g.nodes, dtype=torch.bool) if g.present is None else g.present for g in groups]
        present = torch.cat([part.flatten() for part in parts])[:, None]
    places = torch.arange(len(taken), device=taken.device)
    place = torch.empty(nodes, dtype=torch.int64, device=taken.device)
    if present is None:
        place[taken] = places
    else:
        real = present.squeeze(1).nonzero().squeeze(1)
        place[taken[real]] = real
    return SizeLayout(tuple(groups), taken, present, place)


def _head_places(layout: SizeLayout, heads: int) -> HeadPlaces:
    taken, place = _part_places(layout, heads, 1)
    taken_thrice, place_thrice = _part_places(layout, heads, 3)
    present = None
    if layout.present is not None:
        present = torch.cat(
            [
                layout.present[group.places].view(group.shape[0], 1, group.shape[1]).expand(-1, heads, -1).flatten()
                for group in layout.groups
            ]
        )[:, None].float()
    return HeadPlaces(heads, taken, place, taken_thrice, place_thrice, present)


def _part_places(layout: SizeLayout, heads: int, parts: int) -> tuple[Tensor, Tensor]:
    """Rows in places, and places of rows."""
    rows = torch.arange(parts * heads, device=layout.place.device).view(parts, 1, heads, 1)
    taken, first = [], []
    for group in layout.groups:
        count, size = group.shape
        taken.append((group.nodes[:, None, :] * (parts * heads) + rows).flatten())
        molecule = torch.arange(count, device=rows.device)[:, None] * heads * size
        start = parts * heads * group.places.start + molecule + torch.arange(size, device=rows.device)
        steps = rows.new_tensor([count * heads * size, size]).expand(count * size, 2)
        first.append(torch.cat([start.flatten()[:, None], steps], dim=1))
    start, part_step, head_step = torch.cat(first).index_select(0, layout.place).unbind(1)
    numbers = torch.arange(parts, device=rows.device)[:, None], torch.arange(heads, device=rows.device)
    place = start[:, None, None] + part_step[:, None, None] * numbers[0] + head_step[:, None, None] * numbers[1]
    return torch.cat(taken), place.flatten()


class _Spread(torch.autograd.Function):
    """Each node has one place, so the gradient is a plain selection too."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, layout: SizeLayout) -> Tensor:
        ctx.layout = layout
        return rows.index_select(0, layout.taken)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad.index_select(0, ctx.layout.place), None


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, layout: SizeLayout) -> Tensor:
        ctx.layout = layout
        return rows.index_select(0, layout.place)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        layout = ctx.layout
        spread = grad.index_select(0, layout.taken)
        return (spread if layout.present is None else spread * layout.present), None
