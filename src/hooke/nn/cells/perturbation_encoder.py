"""What models of perturbed cells share: the state of unperturbed cells, compounds with their exposure, and sums over what was done.

    latent = f(x) + Σ_{p ∈ P} z_p

with x the mean control profile of the context. The sum over perturbed genes is a product of the sparse matrix of conditions by genes with the
encodings Z, which are made once a step. A compound is any molecule encoder of the registry, followed by a perceptron that reads log10 of
dose and time as well. f sees a profile in standard deviations over its read-outs.

Source: Wenkel et al. 2025 (arXiv:2505.14919).
Differs: layer normalisation in place of batch normalisation, as a screen may have one context alone.
"""

from __future__ import annotations

from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from hooke.cells.batch import ResponseBatch
from hooke.cells.response_spec import ResponseSpec
from hooke.core import registry
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.mlp import mlp

_EXPOSURE = 5


class CompoundEncoder(nn.Module):
    """Encodings of compounds at their doses and times.

    Args:
        encoder: Registered model of molecules and its preset, "gine:tiny".
        width: Of the encodings.
        hidden, dropout: Of the perceptron.
    """

    def __init__(self, encoder: str, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        name, _, preset = encoder.partition(":")
        module = registry.module("models", name)
        self.molecules = module.Model(module.PRESETS[preset or "tiny"], MoleculeSpec())
        self.exposed = mlp(
            [int(self.molecules.width) + _EXPOSURE, hidden, width], activation_name="leaky_relu", normalisation_name="layer",
            dropout=dropout, axis="conditions",
        )  # fmt: skip

    def forward(self, batch: ResponseBatch) -> Float[Tensor, "conditions width"]:
        """A row a condition; zeros where no compound was given."""
        given = (batch.compound >= 0)[:, None]
        compounds = self.molecules.embed(batch.compounds)[batch.compound.clamp(min=0)]
        rows = self.exposed(torch.cat([compounds, batch.exposure.to(compounds.dtype)], dim=1))
        return torch.where(given, rows, 0)


class PerturbationEncoder(nn.Module):
    """Base of the models: the sum of the state of the cells and of what was done to them.

    Args:
        spec: Of the screen.
        width: Of the latent space.
        hidden, dropout: Of the perceptrons.
        basal: Whether the state of unperturbed cells is part of it.

    Attributes:
        reads_graph: Whether genes that were not perturbed in training are known by their relations.
    """

    modality = "perturbations"
    reads_graph = False

    def __init__(self, spec: ResponseSpec, *, width: int, hidden: int, dropout: float, basal: bool) -> None:
        super().__init__()
        self.width = width
        readouts = len(spec.labels)
        self.basal = (
            mlp([readouts, hidden, width], activation_name="leaky_relu", normalisation_name="layer", dropout=dropout, axis="conditions")
            if basal else None
        )  # fmt: skip
        self.compounds = CompoundEncoder(spec.compounds, width, hidden, dropout) if spec.compounds else None

    @abstractmethod
    def perturbed(
        self, batch: ResponseBatch, gates: Float[Tensor, " graph_edges"] | None = None
    ) -> Float[Tensor, "conditions width"]:
        """The sum over the perturbed genes of each condition.

        Args:
            batch: The conditions.
            gates: Of the edges of the spec's graph; None leaves all open.
        """

    def forward(
        self, batch: ResponseBatch, gates: Float[Tensor, " graph_edges"] | None = None
    ) -> Float[Tensor, "conditions width"]:
        """One row a condition; see `perturbed` for the gates."""
        latent = self.perturbed(batch, gates)
        if self.compounds is not None and batch.compounds is not None:
            latent = latent + self.compounds(batch)
        if self.basal is not None:
            control = batch.control.to(latent.dtype)
            latent = latent + self.basal(functional.layer_norm(control, control.shape[1:]))
        return latent

    def embed(self, batch: ResponseBatch) -> Float[Tensor, "conditions width"]:
        """One row a condition."""
        return self.forward(batch)


def sums_of(rows: Float[Tensor, "genes width"], batch: ResponseBatch) -> Float[Tensor, "conditions width"]:
    """The sum of the rows of each condition's genes: the sparse product of conditions by genes with the rows."""
    return functional.embedding_bag(batch.nodes, rows, batch.offsets, mode="sum", include_last_offset=True)
