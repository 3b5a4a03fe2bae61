"""`noisy_nodes`: change some codes of atoms and bonds at random, and predict the true ones of all.

    loss = λ_n mean over atoms of CE(true codes) + λ_e mean over bonds of CE(true codes)

Each single code is replaced, with a small probability, by any value of its column. With `combined`, GPS++'s pretraining is
`multitask` with weight 1 beside this.

Source: noisy nodes and noisy edges of GPS++ (arXiv 2212.02229), after Godwin et al. 2022 (arXiv 2106.07971). Differs from GPS++: the
supervised loss has a pass of its own, without noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.code_prediction import (
    BOND_SIZES,
    atom_sizes,
    bond_codes,
    changed,
    code_heads,
    code_losses,
    with_codes,
)
from hooke.nn.graphs.network import Network
from hooke.nn.item_noise import item_uniform
from hooke.nn.processes import step_mean
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask


@dataclass(frozen=True)
class Config:
    """How much noise, and the weights λ; the defaults are those of GPS++."""

    node_probability: float = 0.01
    edge_probability: float = 0.01
    node_weight: float = 1.2
    edge_weight: float = 1.2


class Task(BaseTask):
    """Noisy nodes and edges; labels are not looked at."""

    modality = "molecules"
    supervised = False
    config: Config

    def network(self, encoder: nn.Module) -> Network:
        """The encoder with heads for the codes of atoms and bonds."""
        return Network(encoder, code_heads(encoder, self.spec.encodings.features))

    def losses(
        self, network: nn.Module, batch: MoleculeBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The loss of a batch, and its detached parts "atoms" and "bonds"."""
        config, bonds, sizes = self.config, bond_codes(batch), atom_sizes(batch)
        with random_from(generator, network, batch):
            noisy = with_codes(
                batch,
                changed(
                    batch.atom_codes,
                    sizes,
                    config.node_probability,
                    item_uniform(batch, "nodes", 2 * len(sizes), generator),
                ),
                changed(
                    bonds,
                    BOND_SIZES,
                    config.edge_probability,
                    item_uniform(batch, "bonds", 2 * len(BOND_SIZES), generator),
                ),
            )
            raw = network(noisy)
        atoms_loss = step_mean(code_losses(raw["atoms"], batch.atom_codes, sizes))
        bonds_loss = step_mean(code_losses(raw["bonds"], bonds, BOND_SIZES))
        loss = config.node_weight * atoms_loss + config.edge_weight * bonds_loss
        return {"loss": loss, "atoms": atoms_loss.detach(), "bonds": bonds_loss.detach()}
