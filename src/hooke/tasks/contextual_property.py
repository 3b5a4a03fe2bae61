"""`contextual_property`: predict the chemical context of some atoms and bonds.

    loss = Σ_views CE(atom contexts) + Σ_views CE(bond contexts) + μ disagreement of the views

over a random share of atoms and bonds; contexts: `tasks.contextual_property`. With `hidden = "local"` the codes of a chosen atom, its
neighbours and the bonds between, and of a chosen bond and its ends, are hidden, as the paper says; its code selects the labels and
hides nothing (`hidden = "none"`), so that contexts can be read off the input.

Source: GROVER, Rong et al. 2020 (arXiv 2007.02835), μ = 0.1.

The chemical context of an atom or bond as a class number: what stands up to k bonds away, with how many of each.

k = 1, of an atom: its element, and how often each (element, bond order) neighbours it: "C_N-DOUBLE1_O-SINGLE1". Of a bond: its order,
the elements of its ends, and how often each (order, element of the shared end) is beside it.
k > 1, of an atom: its context for k - 1, and how often each (bond order, context for k - 1) neighbours it. Of a bond: its order and the
contexts of its two ends for k - 1.

A context is a multiset, so the sum of one large random number for each member identifies it; the class is that sum modulo
the number of classes. Source: GROVER (arXiv 2007.02835), whose paper has k hops and whose code one; it lists the contexts of a corpus
instead: no vocabulary has to be built or shipped here, but rare contexts may share a class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from hooke.core.errors import UsageError
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.vocabulary import ATOM_VOCABULARIES, BOND_VOCABULARIES
from hooke.nn.graphs.code_prediction import drawn, hide
from hooke.nn.graphs.heads import first_edges
from hooke.nn.graphs.network import Network
from hooke.nn.graphs.views_of_output import ViewHeads, disagreement
from hooke.nn.losses import measured_mean
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask

_ELEMENTS, _ORDERS = ATOM_VOCABULARIES[0].size, BOND_VOCABULARIES[0].size
_NUMBERS = np.random.default_rng(2007_02835).integers(0, 1 << 40, (5, _ELEMENTS, _ORDERS))
_STIR = 0x9E3779B97F4A7C15 - (1 << 64)  # odd; products wrap around in 64 bits


def _number(kind: int, elements: Tensor, orders: Tensor | int = 0) -> Tensor:
    return torch.from_numpy(_NUMBERS[kind]).to(elements.device)[elements, orders]


def atom_contexts(batch: MoleculeBatch, classes: int, hops: int = 1) -> Int[Tensor, " nodes"]:
    """The class of each atom, 0 ... classes - 1."""
    return _of_atoms(batch, hops) % classes


def bond_contexts(batch: MoleculeBatch, classes: int, hops: int = 1) -> Int[Tensor, " bonds"]:
    """The class of each bond, 0 ... classes - 1, in the order of edge-level labels."""
    one_end = _of_bond_ends(batch) if hops == 1 else _pairs(batch, _of_atoms(batch, hops - 1)[batch.edge_index[1]])
    first = first_edges(batch)
    return (one_end[first] + one_end[batch.edge_reverse[first]]) % classes


def _of_atoms(batch: MoleculeBatch, hops: int) -> Int[Tensor, " nodes"]:
    """The number of each atom's context."""
    elements, orders = batch.atom_codes[:, 0], batch.edge_codes[:, 0]
    source, destination = batch.edge_index
    found = _number(0, elements)
    found = found.index_add(0, destination, _number(1, elements[source], orders))
    for _ in range(hops - 1):
        found = found.index_add(0, destination, _pairs(batch, found[source]))
    return found


def _of_bond_ends(batch: MoleculeBatch) -> Int[Tensor, " edges"]:
    """The number of what a bond has at the end it arrives at, for one hop."""
    elements, orders = batch.atom_codes[:, 0], batch.edge_codes[:, 0]
    destination = batch.edge_index[1]
    mine = _number(2, elements[destination], orders)
    at_atom = torch.zeros_like(elements).index_add_(0, destination, mine)
    return _number(3, elements[destination], orders) + at_atom[destination] - mine


def _pairs(batch: MoleculeBatch, contexts: Int[Tensor, " edges"]) -> Int[Tensor, " edges"]:
    """A number for each (bond order, context); stirred, so that sums of them tell which order went with which context."""
    stirred = (contexts + _number(4, batch.edge_codes[:, 0])) * _STIR
    return (stirred ^ (stirred >> 31)) * _STIR


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


class Task(BaseTask):
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
