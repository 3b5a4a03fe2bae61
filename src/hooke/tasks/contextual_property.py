"""`contextual_property`: predict the chemical context of some atoms and bonds.

    loss = Σ_views CE(atom contexts) + Σ_views CE(bond contexts) + μ disagreement of the views

over a random share of atoms and bonds; contexts: `nn.graphs.chemical_context`. With `hidden = "local"` the codes of a chosen atom, its
neighbours and the bonds between, and of a chosen bond and its ends, are hidden, as the paper says; its code selects the labels and
hides nothing (`hidden = "none"`), so that contexts can be read off the input.

Source: GROVER, Rong et al. 2020 (arXiv 2007.02835), μ = 0.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import UsageError
from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.chemical_context import atom_contexts, bond_contexts
from hooke.nn.graphs.code_prediction import drawn, hide
from hooke.nn.graphs.heads import first_edges
from hooke.nn.graphs.network import Network
from hooke.nn.graphs.views_of_output import ViewHeads, disagreement
from hooke.nn.losses import measured_mean
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as Objective


@dataclass(frozen=True)
class Config:
    """What is chosen and hidden."""

    share: float = 0.15  # of atoms, and of bonds
    hidden: Literal["local", "none"] = "local"
    hops: int = 1  # k: how far a context reaches; of two hops there are many times as many
    atom_classes: int = 1021
    bond_classes: int = 2039
    disagreement_weight: float = 0.1  # μ, for encoders with several views

    def __post_init__(self) -> None:
        if self.hops < 1:
            raise UsageError(f"contexts reach at least one bond far: hops must be at least 1, got {self.hops}")


class Task(Objective):
    """Prediction of contexts; labels are not looked at."""

    modality = "molecules"
    supervised = False
    config: Config

    def network(self, encoder: nn.Module) -> Network:
        """The encoder with heads for the contexts of atoms and bonds."""
        heads = {
            "atoms": ViewHeads("node", encoder, self.config.atom_classes),
            "bonds": ViewHeads("edge", encoder, self.config.bond_classes),
        }
        return Network(encoder, heads)

    def losses(
        self, network: nn.Module, batch: MoleculeBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The loss of a batch, and its detached parts "atoms", "bonds" and "disagreement"; 0 where nothing is chosen."""
        config, device = self.config, batch.node_graph.device
        with random_from(generator, network, batch):
            atoms = drawn(batch, "nodes", config.share, generator)
            bonds = drawn(batch, "bonds", config.share, generator)
            chosen = {"atoms": atoms.nonzero().flatten(), "bonds": bonds.nonzero().flatten()}
            raw = network(hide(batch, *around(batch, atoms, bonds)) if config.hidden == "local" else batch, chosen)
        parts, apart = {}, torch.zeros((), device=device)
        for name, contexts in (
            ("atoms", atom_contexts(batch, config.atom_classes, config.hops)),
            ("bonds", bond_contexts(batch, config.bond_classes, config.hops)),
        ):
            outputs = raw[name].to(torch.promote_types(raw[name].dtype, torch.float32))
            each = outputs.new_ones(1, 1)  # the others' outputs are never made: they would be six times as many
            parts[name] = measured_mean(context_losses(outputs, contexts[chosen[name]])[:, None], each)
            apart = apart + measured_mean(disagreement(outputs)[:, None], each)
        loss = parts["atoms"] + parts["bonds"] + config.disagreement_weight * apart
        return {"loss": loss, **{n: value.detach() for n, value in parts.items()}, "disagreement": apart.detach()}


def context_losses(
    outputs: Float[Tensor, "views items classes"], contexts: Int[Tensor, " items"]
) -> Float[Tensor, " items"]:
    """Cross-entropy summed over the views."""
    return torch.stack([functional.cross_entropy(view, contexts, reduction="none") for view in outputs]).sum(0)


def around(
    batch: MoleculeBatch, atoms: Bool[Tensor, " nodes"], bonds: Bool[Tensor, " bonds"]
) -> tuple[Bool[Tensor, " nodes"], Bool[Tensor, " bonds"]]:
    """The chosen atoms with their neighbours and bonds, and the chosen bonds with their ends."""
    source, destination = batch.edge_index
    near = atoms.clone()
    near[source[atoms[destination]]] = True
    first = first_edges(batch)
    ends = torch.stack([source[first], destination[first]])
    near[ends[:, bonds].flatten()] = True
    return near, bonds | atoms[ends].any(0)
