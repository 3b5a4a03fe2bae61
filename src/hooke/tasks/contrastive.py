"""`contrastive`: two random views of a molecule are closer to each other than to views of other molecules.

    loss = NT-Xent(MLP(graph of view 1), MLP(graph of view 2))

Source: MolCLR, Wang et al. 2022 (arXiv 2102.10056), after SimCLR (arXiv 2002.05709).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hooke.core.errors import UsageError
from hooke.molecules.batch import MoleculeBatch
from hooke.nn.contrast import nt_xent
from hooke.nn.graphs.heads import Head
from hooke.nn.graphs.network import Network
from hooke.nn.graphs.views import Augmentation, random_view
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as Objective


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


class Task(Objective):
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
