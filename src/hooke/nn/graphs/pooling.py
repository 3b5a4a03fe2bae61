"""Pooling: from the nodes of a molecule to one row a molecule."""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.segment import graph_sum

PoolingKind = Literal["sum", "mean", "max", "scaled_sum"]
SCALE = 100.0


class Pooling(nn.Module):
    """One row a molecule: the sum, mean or maximum of its nodes, or their sum divided by 100 ("norm" in chemprop)."""

    def __init__(self, kind: PoolingKind) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, nodes: Float[Tensor, "nodes width"], batch: MoleculeBatch) -> Float[Tensor, "graphs width"]:
        """Pool the nodes of a batch."""
        if self.kind == "max":
            return torch.segment_reduce(nodes, "max", offsets=batch.node_offsets, axis=0)
        total = graph_sum(nodes, batch)
        if self.kind == "mean":
            return total / batch.node_offsets.diff().to(total.dtype)[:, None]
        return total / SCALE if self.kind == "scaled_sum" else total
