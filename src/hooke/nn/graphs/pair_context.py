"""What all attention layers of a model share: the layout of the batch in blocks, and the bias of each pair of atoms."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.attention import Attended, attended, masked_bias
from hooke.nn.graphs.embeddings import BondEmbedding
from hooke.nn.graphs.pair_bias import PathBias
from hooke.nn.graphs.segment import Edges
from hooke.nn.graphs.size_groups import SizeLayout, size_layout


class PairContext(nn.Module):
    """Computed once a batch.

    Args:
        heads: Of the attention.
        farthest: Bonds from which all shortest paths share a bias; 0 for no bias by shortest paths.
        bonds: Whether two bonded atoms have a bias by the codes of their bond.
    """

    def __init__(self, heads: int, *, farthest: int = 0, bonds: bool = False) -> None:
        super().__init__()
        self.paths = PathBias(heads, farthest) if farthest else None
        self.bonds = BondEmbedding(heads) if bonds else None

    def forward(self, batch: MoleculeBatch, edges: Edges) -> Attended:
        """The edges with layout and bias."""
        layout = size_layout(batch)
        biases: list[Tensor | None] = [None] * len(layout.groups)
        if self.paths is not None:
            biases = list(self.paths(batch, layout))
        if self.bonds is not None:
            rows = self.bonds(batch).expand()
            at_bonds = bond_blocks(rows, batch, layout)
            biases = [more if bias is None else bias + more for bias, more in zip(biases, at_bonds, strict=True)]
        return attended(edges, layout, masked_bias(layout, biases))


def bond_blocks(rows: Tensor, batch: MoleculeBatch, layout: SizeLayout) -> list[Tensor]:
    """The (E, heads) rows of the edges u→v at (v, u) of each block, (g, heads, n, n); 0 elsewhere."""
    source, destination = batch.edge_index
    start = torch.zeros(batch.num_graphs, dtype=torch.int64, device=source.device)
    size = torch.zeros_like(start)
    total = 0
    for group in layout.groups:
        count, width = group.shape
        start[group.graphs] = total + torch.arange(count, device=start.device) * width * width
        size[group.graphs] = width
        total += count * width * width
    graph = batch.node_graph[source]
    first = batch.node_offsets[graph]
    place = start[graph] + (destination - first) * size[graph] + (source - first)
    flat = rows.new_zeros(total, rows.shape[1]).index_copy(0, place, rows)
    shapes = [group.shape for group in layout.groups]
    blocks = flat.split([count * width * width for count, width in shapes])
    return [
        block.view(count, width, width, -1).permute(0, 3, 1, 2)
        for block, (count, width) in zip(blocks, shapes, strict=True)
    ]
