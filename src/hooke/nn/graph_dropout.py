"""Dropout of whole rows, and of the updates of whole molecules (stochastic depth).

Source: stochastic depth: Huang et al. 2016 (arXiv 1603.09382); per molecule ("GraphDropout") and per row: GPS++ (arXiv 2212.02229).
Differs from its code, where a mask once built stays the same: each call draws anew.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch


class RowDropout(nn.Dropout):
    """Sets whole rows to zero with probability p, and scales the others by 1 / (1 - p)."""

    def forward(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        """The rows in evaluation, or what is left of them in training."""
        if not self.training or self.p == 0:
            return rows
        return rows * _kept(rows, len(rows), self.p)


class GraphDropout(nn.Dropout):
    """Drops the update of all nodes of a molecule with probability p, and scales the others by 1 / (1 - p)."""

    def forward(  # type: ignore[override]
        self, update: Float[Tensor, "nodes width"], batch: MoleculeBatch
    ) -> Float[Tensor, "nodes width"]:
        """The update in evaluation, or what is left of it in training."""
        if not self.training or self.p == 0:
            return update
        return update * _kept(update, batch.num_graphs, self.p)[batch.node_graph]


def _kept(rows: Tensor, count: int, probability: float) -> Float[Tensor, "count 1"]:
    """1 / (1 - p) with probability 1 - p, else 0."""
    kept = torch.empty(count, 1, dtype=rows.dtype, device=rows.device).bernoulli_(1 - probability)
    return kept / max(1 - probability, 1e-12)
