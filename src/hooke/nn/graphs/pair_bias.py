"""What attention between two atoms is told of them: how many bonds lie between, and how far apart they are.

    b_vu = E[shortest path(v, u)] + MLP(φ(|r_v - r_u|)),   φ_k(d) = s exp(-((d - μ_k) / σ_k)² / 2) / (√(2π) σ_k)

one number a head, with a learned row E for each number of bonds and learned centres and widths of K Gaussian kernels.

Source: Graphormer (arXiv 2106.05234) for shortest paths; Transformer-M (arXiv 2210.01765) and GPS++ (arXiv 2212.02229, section
4.3) for the kernels.

What all attention layers of a model share: the layout of the batch in blocks, and the bias of each pair of atoms.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.attention import Attended, attended, masked_bias
from hooke.nn.graphs.embeddings import BondEmbedding
from hooke.nn.graphs.segment import Edges
from hooke.nn.graphs.size_groups import SizeGroup, SizeLayout, size_layout
from hooke.nn.mlp import mlp


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


KERNEL_SCALE, KERNEL_EPSILON, KERNEL_RANGE = 0.1, 0.01, 1.5


def shortest_path_codes(batch: MoleculeBatch, layout: SizeLayout, farthest: int) -> list[Tensor]:
    """Bonds on the shortest path between any two atoms, block by block, on the device of the batch.

    Returns:
        For each block (g, n, n) int64: 0 ... farthest (longer paths count as that), farthest + 1 where there is no path; between empty places
        and atoms too.
    """
    source, destination = batch.edge_index
    graph, local = batch.node_graph[source], source - batch.node_offsets[batch.node_graph[source]]
    other = destination - batch.node_offsets[graph]
    row = torch.full((batch.num_graphs,), -1, dtype=torch.int64, device=source.device)
    found = []
    for group in layout.groups:
        count, size = group.shape
        row.fill_(-1)
        row[group.graphs] = torch.arange(count, device=row.device)
        mine = (row[graph] >= 0).nonzero().squeeze(1)
        adjacency = torch.zeros(count, size, size, device=row.device)
        adjacency[row[graph[mine]], other[mine], local[mine]] = 1
        found.append(_steps(adjacency, farthest))
    return found


def _steps(adjacency: Float[Tensor, "molecules size size"], farthest: int) -> Int[Tensor, "molecules size size"]:
    """All atoms take one step at a time, until none reaches a new one; what is reachable beyond `farthest` counts as that."""
    size = adjacency.shape[1]
    reached = torch.eye(size, dtype=torch.bool, device=adjacency.device).expand_as(adjacency).clone()
    codes = torch.where(reached, 0, farthest + 1)
    for step in range(1, size):
        new = (reached.to(adjacency.dtype) @ adjacency > 0) & ~reached
        if not bool(new.any()):
            break
        codes[new] = min(step, farthest)
        reached |= new
    return codes


class PathBias(nn.Module):
    """E[shortest path]: one number a head for each number of bonds between two atoms."""

    def __init__(self, heads: int, farthest: int) -> None:
        super().__init__()
        self.farthest = farthest
        self.rows = nn.Embedding(farthest + 2, heads)
        nn.init.normal_(self.rows.weight, std=0.02)

    def forward(self, batch: MoleculeBatch, layout: SizeLayout) -> list[Tensor]:
        """The (g, heads, n, n) bias of each block."""
        codes = shortest_path_codes(batch, layout, self.farthest)
        return [self.rows(block).permute(0, 3, 1, 2) for block in codes]


class GaussianKernels(nn.Module):
    """φ_k(d) of K kernels with learned centres μ and widths σ = |s| + ε, both started uniformly in 0 ... 1.5 Å."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.centre = nn.Parameter(torch.empty(count).uniform_(0, KERNEL_RANGE))
        self.width = nn.Parameter(torch.empty(count).uniform_(0, KERNEL_RANGE))

    def forward(self, distances: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape kernels"]:
        """Kernels of distances in Å."""
        sigma = self.width.abs() + KERNEL_EPSILON
        height = KERNEL_SCALE / (math.sqrt(2 * math.pi) * sigma)
        return height * (-0.5 * ((distances[..., None] - self.centre) / sigma).square()).exp()


class DistanceBias(nn.Module):
    """MLP(φ(distance)) for each head, and Σ_u φ(distance to u) of each atom, its "3D centrality"."""

    def __init__(self, heads: int, kernels: int) -> None:
        super().__init__()
        self.kernels = GaussianKernels(kernels)
        self.mlp = mlp([kernels, kernels, heads], activation_name="gelu")

    def forward(
        self, positions: Float[Tensor, "nodes 3"], layout: SizeLayout
    ) -> tuple[list[Tensor], Float[Tensor, "nodes kernels"]]:
        """The (g, heads, n, n) bias of each block, and the centrality; empty places count for nothing."""
        biases, sums = [], []
        for group in layout.groups:
            kernels = self.kernels(_distances(positions, group))
            biases.append(self.mlp(kernels).permute(0, 3, 1, 2))
            if group.present is not None:
                kernels = kernels * group.present[:, None, :, None]
            sums.append(kernels.sum(2).flatten(0, 1))
        return biases, layout.gather(torch.cat(sums))


def _distances(positions: Float[Tensor, "nodes 3"], group: SizeGroup) -> Float[Tensor, "molecules size size"]:
    places = positions[group.nodes]
    return (places[:, :, None] - places[:, None]).square().sum(3).sqrt()
