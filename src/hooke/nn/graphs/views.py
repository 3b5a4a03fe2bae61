"""Random views of molecules for contrastive learning: some of their atoms and bonds hidden.

Source: MolCLR, Wang et al. 2022 (arXiv 2102.10056). Differs from it: the bonds inside a hidden subgraph are hidden, not deleted.
"""

from __future__ import annotations

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.code_prediction import drawn, hide
from hooke.nn.graphs.heads import first_edges
from hooke.nn.item_noise import item_uniform

Augmentation = Literal["masking", "subgraph"]


def random_view(batch: MoleculeBatch, kind: Augmentation, share: float, generator: torch.Generator) -> MoleculeBatch:
    """Each molecule with a share of its atoms hidden.

    Args:
        batch: Molecules.
        kind: "masking" hides atoms and bonds independently; "subgraph" the ⌊share · n⌋ atoms nearest to a random one, and the
            bonds among them.
        share: Of atoms.
        generator: Source of the draws.
    """
    if kind == "masking":
        atoms = drawn(batch, "nodes", share, generator)
        return hide(batch, atoms, drawn(batch, "bonds", share, generator))
    atoms = nearest(batch, share, generator)
    source, destination = batch.edge_index[:, first_edges(batch)]
    return hide(batch, atoms, atoms[source] & atoms[destination])


def nearest(batch: MoleculeBatch, share: float, generator: torch.Generator) -> Bool[Tensor, " nodes"]:
    """The ⌊share · n⌋ atoms of each molecule nearest to a random one, ties broken at random."""
    device, starts = batch.node_graph.device, batch.node_offsets[:-1]
    sizes = batch.node_offsets.diff()
    centres = starts + (item_uniform(batch, "graphs", 1, generator).squeeze(1) * sizes).long().clamp_(max=sizes - 1)
    steps = _steps_from(batch, centres) + item_uniform(batch, "nodes", 1, generator).squeeze(1)
    order = torch.sort(steps).indices
    order = order[torch.sort(batch.node_graph[order], stable=True).indices]
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=device) - starts[batch.node_graph[order]]
    return rank < (share * sizes).long()[batch.node_graph]


def _steps_from(batch: MoleculeBatch, centres: Tensor) -> Float[Tensor, " nodes"]:
    """Bonds from each atom to its molecule's centre; the number of atoms of the batch where there is no path."""
    source, destination = batch.edge_index
    steps = torch.full((batch.num_nodes,), float(batch.num_nodes), device=source.device)
    front = torch.zeros(batch.num_nodes, dtype=torch.bool, device=source.device)
    front[centres] = True
    step = 0
    while bool(front.any()):
        steps[front] = step
        step += 1
        reached = torch.zeros_like(front)
        reached[destination[front[source]]] = True
        front = reached & (steps == batch.num_nodes)
    return steps
