"""Pooling: from the nodes of a molecule to one row a molecule.

A virtual node: a state of the whole molecule that hears all atoms and tells all atoms, after each layer.

    g' = g + MLP(g + pool_v h_v),  h_v' = h_v + g',  g = 0 at first

with pool the sum, the mean, or ("logsum") log(1 + n) times the mean of the n atoms.

Source: Gilmer et al. 2017 (arXiv 1704.01212); the update as in OGB's baselines (arXiv 2005.00687); "logsum" after Graphium, which
takes log n, so that a single atom would not be heard. Differs from both: it acts after the last layer too.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.core.errors import UsageError
from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.segment import at_graph, graph_sum
from hooke.nn.mlp import mlp

VirtualNodeKind = Literal["none", "sum", "mean", "logsum"]


class VirtualNode(nn.Module):
    """One exchange between the atoms and the virtual node of each molecule."""

    def __init__(self, width: int, kind: VirtualNodeKind) -> None:
        super().__init__()
        self.kind = kind
        self.mlp = mlp([width, 2 * width, width], normalisation_name="layer")

    def forward(
        self,
        nodes: Float[Tensor, "nodes width"],
        state: Float[Tensor, "graphs width"] | None,
        batch: MoleculeBatch,
    ) -> tuple[Float[Tensor, "nodes width"], Float[Tensor, "graphs width"]]:
        """New states of the nodes and of the virtual nodes; None stands for zeros."""
        heard = graph_sum(nodes, batch)
        if self.kind != "sum":
            count = batch.node_offsets.diff().to(nodes.dtype)[:, None]
            heard = heard / count if self.kind == "mean" else heard / count * count.log1p()
        state = self.mlp(heard) if state is None else state + self.mlp(state + heard)
        return nodes + at_graph(state, batch), state


OnePooling = Literal["sum", "mean", "max", "std", "logsum", "scaled_sum", "sum_mean_max"]
PoolingKind = OnePooling | tuple[OnePooling, ...]
_STD_EPSILON = 1e-5  # so that the standard deviation of equal nodes has a gradient
SCALE, MEAN_SCALE, MAXIMUM_SCALE = 100.0, 4.0, 8.0


class Pooling(nn.Module):
    """One row a molecule: the sum, mean, maximum or standard deviation of its nodes, or several of them side by side.

    "scaled_sum" is the sum divided by 100 ("norm" in chemprop), "logsum" the mean times log(1 + n), as of virtual nodes, and "std" the square
    root of the variance over the n nodes + 10⁻⁵. "sum_mean_max" puts the sum divided by 100, the mean divided by 4 and the maximum
    divided by 8 side by side: three times as many numbers of the same nodes, for what is read out of frozen rows by simple models. Of
    some 25 atoms the three are then of like size; undivided, mean and maximum make the steps of training so large that the states of the
    nodes grow without end. A list of kinds puts them side by side as they are.

    Raises:
        UsageError: An empty list.
    """

    def __init__(self, kind: PoolingKind) -> None:
        super().__init__()
        self.kinds: tuple[OnePooling, ...] = (kind,) if isinstance(kind, str) else tuple(kind)
        if not self.kinds:
            raise UsageError("pooling names no kind; valid: " + ", ".join(get_args(OnePooling)))

    def width(self, node_width: int) -> int:
        """Numbers a molecule."""
        return sum(3 if kind == "sum_mean_max" else 1 for kind in self.kinds) * node_width

    def forward(self, nodes: Float[Tensor, "nodes width"], batch: MoleculeBatch) -> Float[Tensor, "graphs pooled"]:
        """Pool the nodes of a batch."""
        parts = [self._pooled(kind, nodes, batch) for kind in self.kinds]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)

    def _pooled(self, kind: OnePooling, nodes: Tensor, batch: MoleculeBatch) -> Tensor:
        if kind == "max":
            return _maximum(nodes, batch)
        total = graph_sum(nodes, batch)
        if kind == "sum":
            return total
        if kind == "scaled_sum":
            return total / SCALE
        count = batch.node_offsets.diff().to(total.dtype)[:, None]
        mean = total / count
        if kind == "mean":
            return mean
        if kind == "logsum":
            return mean * count.log1p()
        if kind == "std":
            return (graph_sum((nodes - at_graph(mean, batch)).square(), batch) / count + _STD_EPSILON).sqrt()
        return torch.cat([total / SCALE, mean / MEAN_SCALE, _maximum(nodes, batch) / MAXIMUM_SCALE], dim=1)


def _maximum(nodes: Tensor, batch: MoleculeBatch) -> Tensor:
    return torch.segment_reduce(nodes, "max", offsets=batch.node_offsets, axis=0)
