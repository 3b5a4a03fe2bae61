"""`contrastive`: two random views of a molecule are closer to each other than to views of other molecules.

    loss = NT-Xent(MLP(graph of view 1), MLP(graph of view 2))

Source: MolCLR, Wang et al. 2022 (arXiv 2102.10056), after SimCLR (arXiv 2002.05709).

Random views of molecules for contrastive learning: some of their atoms and bonds hidden.

Source: MolCLR, Wang et al. 2022 (arXiv 2102.10056). Differs from it: the bonds inside a hidden subgraph are hidden, not deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hooke.core.errors import UsageError
from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.code_prediction import drawn, hide
from hooke.nn.graphs.heads import Head, first_edges
from hooke.nn.graphs.network import Network
from hooke.nn.item_noise import item_uniform
from hooke.nn.losses import nt_xent
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask

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


@dataclass(frozen=True)
class Config:
    """Views and loss."""

    augmentation: Augmentation = "subgraph"
    share: float = 0.25  # of atoms that a view hides
    temperature: float = 0.1
    projection_width: int = 128

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise UsageError(f"temperature must be above 0, got {self.temperature}")


class Task(BaseTask):
    """Contrast of views; labels are not looked at."""

    modality = "molecules"
    supervised = False
    config: Config

    def network(self, encoder: nn.Module) -> Network:
        """The encoder with a projection of its molecules."""
        widths = (int(encoder.node_width), int(encoder.edge_width), int(encoder.graph_width))  # type: ignore[arg-type]
        return Network(encoder, {"projection": Head("graph", widths, outputs=self.config.projection_width, labels=0)})

    def losses(
        self, network: nn.Module, batch: MoleculeBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The loss of a batch."""
        config = self.config
        with random_from(generator, network, batch):
            first, second = (
                network(random_view(batch, config.augmentation, config.share, generator))["projection"]
                for _ in range(2)
            )
        wide = torch.promote_types(first.dtype, torch.float32)
        return {"loss": nt_xent(first.to(wide), second.to(wide), config.temperature)}
