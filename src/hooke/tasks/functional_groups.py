"""`functional_groups`: which of RDKit's 85 functional groups a molecule has.

    loss = Σ_views mean over molecules and groups of BCE + μ disagreement of the views

The groups come with the molecules (`encodings.functional_groups = true`) and are never an input of the encoder.
Differs from the paper: the rows of molecules are standardised before the heads.

Source: the motif prediction of GROVER (arXiv 2007.02835), μ = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import UsageError
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.encodings.config import FUNCTIONAL_GROUPS
from hooke.molecules.functional_groups import GROUP_NAMES
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.network import Network
from hooke.nn.graphs.views_of_output import ViewHeads, disagreement
from hooke.nn.processes import step_mean
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask


@dataclass(frozen=True)
class Config:
    """Heads and weights."""

    hidden_layers: int = 1  # of each head
    disagreement_weight: float = 1.0  # μ, for encoders with several views


class Task(BaseTask):
    """Prediction of functional groups; labels are not looked at."""

    modality = "molecules"
    supervised = False
    config: Config

    def needs(self, spec: MoleculeSpec) -> MoleculeSpec:
        """Molecules that carry their groups."""
        return replace(spec, encodings=replace(spec.encodings, functional_groups=True))

    def inputs(self, spec: MoleculeSpec) -> MoleculeSpec:
        """All encodings but the groups."""
        return replace(spec, encodings=replace(spec.encodings, functional_groups=False))

    def network(self, encoder: nn.Module) -> Network:
        """The encoder with one head a view."""
        hidden = self.config.hidden_layers
        heads = ViewHeads("graph", encoder, len(GROUP_NAMES), hidden_layers=hidden, standardised=True)
        return Network(encoder, {"groups": heads})

    def losses(
        self, network: nn.Module, batch: MoleculeBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The loss of a batch, and its detached parts "groups" and "disagreement".

        Raises:
            UsageError: The molecules do not carry their groups.
        """
        if FUNCTIONAL_GROUPS not in batch.graph_encodings:
            raise UsageError("functional_groups needs encodings.functional_groups=true")
        with random_from(generator, network, batch):
            outputs = network(batch)["groups"]
        outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
        truth = batch.graph_encodings[FUNCTIONAL_GROUPS].to(outputs.dtype)
        each = [functional.binary_cross_entropy_with_logits(view, truth, reduction="none") for view in outputs]
        groups = step_mean(torch.stack(each).sum(0))
        apart = step_mean(disagreement(outputs))
        loss = groups + self.config.disagreement_weight * apart
        return {"loss": loss, "groups": groups.detach(), "disagreement": apart.detach()}
