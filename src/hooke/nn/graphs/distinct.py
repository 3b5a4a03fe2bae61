"""`Distinct`: many items that share few different rows, computed once for each different row.

The atoms and bonds of a batch are combinations of small codes, and a batch of thousands of atoms holds only tens of
different combinations. Whatever acts on the codes alone is therefore computed for the combinations and looked up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hooke.nn.graphs.segment import Edges, at_source, take_rows


@dataclass(frozen=True)
class Groups:
    """Items put into groups of equals.

    Attributes:
        group: (N,) int64 the group of each item.
        first: (R,) int64 one item of each group.
        order: (N,) int64 the items sorted by group.
        offsets: (R + 1,) int64; order[offsets[r]:offsets[r + 1]] are the items of group r.
    """

    group: Int[Tensor, " items"]
    first: Int[Tensor, " groups"]
    order: Int[Tensor, " items"]
    offsets: Int[Tensor, " groups_plus_one"]
    _senders: list[Senders] = field(default_factory=list, init=False, repr=False, compare=False)

    def senders(self, edges: Edges) -> Senders:
        """What is sent along the edges whose kinds these groups are, computed once a batch."""
        if not self._senders:
            self._senders.append(_senders(self, edges))
        return self._senders[0]


@dataclass(frozen=True)
class Senders:
    """The different pairs of a source node and a kind of bond, "messages", and which edges carry them.

    Attributes:
        node: (P,) int64 source node of each message, never decreasing.
        kind: (P,) int64 group of its bond.
        offsets: (V + 1,) int64; messages offsets[v]:offsets[v + 1] are sent by node v.
        numbers: (P,) int64, 0 ... P - 1.
        message: (E,) int64 the message of each edge.
        receiver: (E,) int64 the destination nodes, sorted by message.
        receiver_offsets: (P + 1,) int64; receiver[receiver_offsets[p]:receiver_offsets[p + 1]] receive message p.
    """

    node: Int[Tensor, " messages"]
    kind: Int[Tensor, " messages"]
    offsets: Int[Tensor, " nodes_plus_one"]
    numbers: Int[Tensor, " messages"]
    message: Int[Tensor, " edges"]
    receiver: Int[Tensor, " edges"]
    receiver_offsets: Int[Tensor, " messages_plus_one"]


def group_equal(keys: Int[Tensor, " items"]) -> Groups:
    """Groups of equal keys, in the order of the keys; a program that is exported has a group for each item, since their number is not known."""
    ordered, order = torch.sort(keys, stable=True)
    if torch.compiler.is_exporting():
        numbers = torch.arange(keys.shape[0] + 1, device=keys.device)
        return Groups(torch.empty_like(order).scatter_(0, order, numbers[:-1]), order, order, numbers)
    starts = torch.ones_like(ordered, dtype=torch.bool)
    torch.ne(ordered[1:], ordered[:-1], out=starts[1:])
    begins = starts.nonzero().squeeze(1)
    group = torch.empty_like(order)
    group[order] = starts.cumsum(0) - 1
    return Groups(group, order[begins], order, torch.cat([begins, begins.new_tensor([keys.shape[0]])]))


def _senders(kinds: Groups, edges: Edges) -> Senders:
    pairs = group_equal(edges.source * kinds.first.shape[0] + kinds.group)
    node, kind = edges.source[pairs.first], kinds.group[pairs.first]
    nodes = torch.arange(edges.offsets.shape[0], device=node.device)
    numbers = torch.arange(node.shape[0], device=node.device)
    offsets = torch.searchsorted(node, nodes)
    return Senders(node, kind, offsets, numbers, pairs.group, edges.destination[pairs.order], pairs.offsets)


@dataclass(frozen=True)
class Distinct:
    """Item i has the row rows[groups.group[i]]; without groups, item i has rows[i].

    Attributes:
        rows: (R, width).
        groups: How N items share the rows; None when every item has its own row.
    """

    rows: Float[Tensor, "rows width"]
    groups: Groups | None = None

    @property
    def kinds(self) -> Groups:
        """The groups, of items that are known to have them."""
        if self.groups is None:
            raise ValueError("every item has a row of its own")
        return self.groups

    def map(self, function: Callable[[Tensor], Tensor]) -> Distinct:
        """Apply a function of single rows (it must not mix rows nor draw random numbers)."""
        return replace(self, rows=function(self.rows))

    def expand(self) -> Float[Tensor, "items width"]:
        """(N, width), one row an item."""
        if self.groups is None:
            return self.rows
        return take_rows(self.rows, self.groups.group, self.groups.order, self.groups.offsets)


def at_edges(nodes: Distinct, bonds: Distinct, edges: Edges) -> Distinct:
    """x_v + e_vw of each edge v→w, computed once for each different pair of rows."""
    if nodes.groups is None or bonds.groups is None:
        return Distinct(at_source(nodes.expand(), edges) + bonds.expand())
    node_groups, bond_groups = nodes.groups.group[edges.source], bonds.groups.group
    pairs = group_equal(node_groups * bonds.rows.shape[0] + bond_groups)
    rows = nodes.rows.index_select(0, node_groups[pairs.first]) + bonds.rows.index_select(0, bond_groups[pairs.first])
    return Distinct(rows, pairs)


def expanded(rows: Distinct | Float[Tensor, "items width"]) -> Float[Tensor, "items width"]:
    """One row an item, whichever way they come."""
    return rows.expand() if isinstance(rows, Distinct) else rows
