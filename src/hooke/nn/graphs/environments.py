"""Message passing along directed edges, each different environment of an edge computed once.

What an edge carries at step t depends on the atoms and bonds up to t bonds behind it. Edges of a batch that agree in these, wherever they
are, carry the same rows: at the first step as few as there are pairs of an atom and a bond, later more. Every step is then

    y_r = ρ(b_{p(r)} + Σ_{j ∈ list(r)} x_j)

over the classes r of edges, one compiled pass forward and one backward (`molecules.row_sums_compiled`); the lists leave out the reverse
edge, so that nothing is subtracted. For the CPU; elsewhere, and without numba, models compute each edge by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hooke.molecules.compiled import compiled_twin
from hooke.nn.graphs.distinct import Distinct, Groups
from hooke.nn.graphs.segment import Edges

_LEAST_COLUMNS, _LEAST_NUMBERS = 64, 1_000_000  # of a thread, and of the result of a pass that threads share

_equal_rows = compiled_twin("environments_compiled", "equal_rows")
_edge_classes = compiled_twin("environments_compiled", "edge_classes")
_node_classes = compiled_twin("environments_compiled", "node_classes")
_forward = compiled_twin("row_sums_compiled", "row_sums")
_backward = compiled_twin("row_sums_compiled", "row_sums_backward")


@dataclass(frozen=True)
class Lists:
    """What each of R rows sums.

    Attributes:
        places: (R,) int64, p: the row of b that it starts from.
        index: (T,) int64 rows of x.
        offsets: (R + 1,) int64; row r adds index[offsets[r]:offsets[r + 1]].
    """

    places: np.ndarray
    index: np.ndarray
    offsets: np.ndarray

    @classmethod
    def single(cls, places: np.ndarray, index: np.ndarray) -> Lists:
        """Each row sums one row."""
        return cls(places, index, np.arange(len(index) + 1))


@dataclass(frozen=True)
class Shared:
    """Item i has the row rows[of_item[i]].

    Attributes:
        rows: (R, width).
        of_item: (N,) int64.
    """

    rows: Float[Tensor, "rows width"]
    of_item: np.ndarray

    def expand(self) -> Float[Tensor, "items width"]:
        """(N, width), one row an item."""
        return row_sums(None, self.rows, Lists.single(self.of_item, self.of_item))


@dataclass(frozen=True)
class Environments:
    """The classes of the edges of a batch at each step of message passing, and those of its nodes.

    Attributes:
        first: Of each class of the first step: the row of the node it leaves as place, the row of the bond as list.
        exchanges: Of each class of an exchange: its class of the first step as place, the classes of what it receives as list.
        nodes: Of each class of nodes: the row of the node as place, the classes of all edges that arrive as list.
        of_edge: (E,) int64 class of each edge after the last exchange.
        of_node: (V,) int64 class of each node.
    """

    first: Lists
    exchanges: tuple[Lists, ...]
    nodes: Lists
    of_edge: np.ndarray
    of_node: np.ndarray


def applies(nodes: Distinct, bonds: Distinct) -> bool:
    """Whether environments can be had of these inputs: on the CPU, in a usual type, with numba, and not while torch compiles."""
    rows = nodes.rows
    return (
        rows.device.type == "cpu"
        and rows.dtype == bonds.rows.dtype
        and rows.dtype in (torch.float32, torch.float64)
        and bonds.groups is not None
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and _forward() is not None
    )


def environments(
    nodes: Distinct, bonds: Distinct, edges: Edges, exchanges: int, *, distinct: bool = True
) -> Environments:
    """The environments of a batch.

    Args:
        nodes: Inputs of the nodes.
        bonds: Inputs of the directed edges.
        edges: The edges.
        exchanges: How often messages are exchanged.
        distinct: Whether edges may share rows after an exchange; not where noise is drawn for each.
    """
    equal_rows, edge_classes, node_classes = _equal_rows(), _edge_classes(), _node_classes()
    assert equal_rows is not None
    assert edge_classes is not None
    assert node_classes is not None
    source, reverse, offsets = (tensor.numpy() for tensor in (edges.source, edges.reverse, edges.offsets))
    of_node = np.arange(len(offsets) - 1) if nodes.groups is None else nodes.groups.group.numpy()
    bond = bonds.kinds.group.numpy()
    pairs = equal_rows(of_node[source] * len(bonds.rows) + bond, np.zeros((len(bond), 0), np.int32))
    first = Lists.single(of_node[source[pairs.first]], bond[pairs.first])
    states, steps = pairs.group, []
    for _ in range(exchanges):
        step = edge_classes(pairs.group, states, source, reverse, offsets, distinct)
        steps.append(Lists(step.base, step.added, step.offsets))
        states = step.of_item
    last = node_classes(of_node, states, offsets)
    return Environments(first, tuple(steps), Lists(last.base, last.added, last.offsets), states, last.of_item)


class _RowSums(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, base: Tensor | None, rows: Tensor, lists: Lists, rectify: bool) -> Tensor:
        forward = _forward()
        assert forward is not None
        out = rows.new_empty(len(lists.offsets) - 1, rows.shape[1])
        start = np.zeros((0, rows.shape[1]), _numpy(rows).dtype) if base is None else _numpy(base)
        _by_columns(forward, start, lists.places, _numpy(rows), lists.index, lists.offsets, rectify, out.numpy())
        ctx.lists, ctx.rectify, ctx.sizes = lists, rectify, (len(start), len(rows))
        if rectify:
            ctx.save_for_backward(out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        backward, lists = _backward(), ctx.lists
        assert backward is not None
        bases, rows = ctx.sizes
        to_base, to_rows = grad.new_zeros(bases, grad.shape[1]), grad.new_zeros(rows, grad.shape[1])
        given = _numpy(grad)
        out = _numpy(ctx.saved_tensors[0]) if ctx.rectify else given
        _by_columns(
            backward,
            given,
            out,
            lists.places,
            lists.index,
            lists.offsets,
            ctx.rectify,
            to_base.numpy(),
            to_rows.numpy(),
        )
        return to_base if ctx.needs_input_grad[0] else None, to_rows, None, None


def _by_columns(work: Callable[..., None], *arguments: Any) -> None:
    """Let each of torch's threads do the work for some of the columns, where it is large enough."""
    rows, width = len(arguments[-1]), arguments[0].shape[1]
    threads = min(torch.get_num_threads(), width // _LEAST_COLUMNS) if rows * width >= _LEAST_NUMBERS else 1
    if threads <= 1:
        work(*arguments, 0, width)
        return
    ends = [width * thread // threads for thread in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda begin, end: work(*arguments, begin, end), ends[:-1], ends[1:]))


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def row_sums(
    base: Float[Tensor, "bases width"] | None, rows: Float[Tensor, "rows width"], lists: Lists, *, rectify: bool = False
) -> Float[Tensor, "sums width"]:
    """y_r = ρ(b_{p(r)} + Σ_{j ∈ list(r)} x_j).

    Args:
        base: b; None for zero.
        rows: x.
        lists: p and the lists.
        rectify: Whether ρ is the ReLU; else it is nothing.
    """
    return _RowSums.apply(base, rows, lists, rectify)


def grouped(groups: Groups, values: list[Tensor]) -> Groups | None:
    """Items that are in one group and have equal bits in all of `values`, in groups; None where that is not compiled.

    Args:
        groups: Of N items.
        values: (N, width) float32 each, on the CPU.
    """
    equal_rows = _equal_rows() if groups.group.device.type == "cpu" and not torch.compiler.is_compiling() else None
    if equal_rows is None or any(value.dtype != torch.float32 for value in values):
        return None
    bits = [_numpy(value).view(np.int32) for value in values]
    equals = equal_rows(groups.group.numpy(), np.concatenate(bits, axis=1))
    return Groups(*(torch.from_numpy(array) for array in equals))
