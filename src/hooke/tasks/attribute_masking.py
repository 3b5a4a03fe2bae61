"""`attribute_masking`: hide the codes of some atoms and bonds, and predict them from the rest of the molecule.

    loss = mean over hidden atoms of CE(codes) + mean over hidden bonds of CE(codes)

CE is the mean over the columns of `molecules.vocabulary`. Nothing of a hidden atom or bond is read but where it is bonded.

Source: Hu et al. 2020 (arXiv 1905.12265). Differs from it: all columns are predicted, not only element and bond order; bonds are
hidden independently of atoms.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.code_prediction import BOND_SIZES, atom_sizes, bond_codes, code_heads, code_losses, drawn, hide
from hooke.nn.graphs.network import Network
from hooke.nn.losses import measured_mean
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask


@dataclass(frozen=True)
class Config:
    """How much is hidden."""

    atoms: float = 0.15  # share of hidden atoms
    bonds: float = 0.15
    bond_weight: float = 1.0  # of the bonds' part of the loss


class Task(BaseTask):
    """Attribute masking; labels are not looked at."""

    modality = "molecules"
    supervised = False
    config: Config

    def network(self, encoder: nn.Module) -> Network:
        """The encoder with heads for the codes of atoms and bonds."""
        return Network(encoder, code_heads(encoder, self.spec.encodings.features))

    def losses(
        self, network: nn.Module, batch: MoleculeBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The loss of a batch, and its detached parts "atoms" and "bonds"; 0 where nothing is hidden."""
        config = self.config
        with random_from(generator, network, batch):
            atoms = drawn(batch, "nodes", config.atoms, generator)
            bonds = drawn(batch, "bonds", config.bonds, generator)
            raw = network(hide(batch, atoms, bonds))
        parts = {}
        for name, codes, sizes, hidden in (
            ("atoms", batch.atom_codes, atom_sizes(batch), atoms),
            ("bonds", bond_codes(batch), BOND_SIZES, bonds),
        ):
            found = code_losses(raw[name], codes, sizes)
            parts[name] = measured_mean(found[:, None], hidden[:, None].to(found.dtype))
        loss = parts["atoms"] + config.bond_weight * parts["bonds"]
        return {"loss": loss, **{name: value.detach() for name, value in parts.items()}}
