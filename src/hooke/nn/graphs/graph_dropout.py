"""Dropout of whole rows, and of the updates of whole molecules (stochastic depth).

Source: stochastic depth: Huang et al. 2016 (arXiv 1603.09382); per molecule ("GraphDropout") and per row: GPS++ (arXiv 2212.02229).
Differs from its code, where a mask once built stays the same: each call draws anew.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.randomness import ItemDropout


class RowDropout(ItemDropout):
    """Sets whole rows to zero with probability p, and scales the others by 1 / (1 - p)."""

    def forward(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        """The rows in evaluation, or what is left of them in training."""
        return rows * self.kept(len(rows), 1, rows) if self.draws() else rows


class GraphDropout(ItemDropout):
    """Drops the update of all nodes of a molecule with probability p, and scales the others by 1 / (1 - p)."""

    def __init__(self, p: float) -> None:
        super().__init__(p, "graphs")

    def forward(  # type: ignore[override]
        self, update: Float[Tensor, "nodes width"], batch: MoleculeBatch
    ) -> Float[Tensor, "nodes width"]:
        """The update in evaluation, or what is left of it in training."""
        if not self.draws():
            return update
        return update * self.kept(batch.num_graphs, 1, update)[batch.node_graph]


class LayerSkip(ItemDropout):
    """x' = x + m (layer(x) - x) / (1 - p): in training a molecule goes around the whole layer with probability p, edges included."""

    def __init__(self, p: float) -> None:
        super().__init__(p, "graphs")

    def forward(  # type: ignore[override]
        self,
        before: tuple[Float[Tensor, "nodes width"], object],
        after: tuple[Float[Tensor, "nodes width"], object],
        batch: MoleculeBatch,
    ) -> tuple[Float[Tensor, "nodes width"], object]:
        """What a layer made of nodes and edges; edges that were no such rows before stay as the layer made them."""
        if not self.draws():
            return after
        kept = self.kept(batch.num_graphs, 1, after[0])
        nodes = before[0] + kept[batch.node_graph] * (after[0] - before[0])
        old, new = before[1], after[1]
        if isinstance(old, Tensor) and isinstance(new, Tensor) and old.shape == new.shape:
            return nodes, old + kept[batch.node_graph[batch.edge_index[1]]] * (new - old)
        return nodes, new
