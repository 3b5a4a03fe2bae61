"""A run as an energy surface: energies, forces and stress of one of its methods, as the mean over its networks."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hooke.atoms.batch import AtomsBatch
from hooke.atoms.spec import AtomsSpec
from hooke.core.errors import UnknownNameError, UsageError
from hooke.inference.loaded import LoadedRun
from hooke.nn.atoms.energy_model import derivatives
from hooke.nn.atoms.network import EnergyNetwork


class Point(NamedTuple):
    """What is known of systems at their positions.

    Attributes:
        energies: (F,) float64 eV.
        forces: (A, 3) eV/Å.
        stress: (F, 3, 3) eV/Å³, NaN for systems that do not repeat along all vectors; None where nobody asked.
        disagreement: (F,) eV: the standard deviation of the energy over the networks; None of a single one.
    """

    energies: Tensor
    forces: Tensor
    stress: Tensor | None
    disagreement: Tensor | None


class RunPotential:
    """See the head of the module; an `nn.atoms.relaxation.Surface`.

    Args:
        run: With networks whose outputs are energies.
        method: Which of its methods; may be left out where there is one.
        compiled: Pass the networks through `torch.compile`.

    Attributes:
        spec: What the run knows.
        method: Canonical name.
        cutoff: Å.
        device: Where it computes.
        vectors: Function of a batch: (systems, width) float32 embeddings by the first network's encoder.

    Raises:
        UsageError: The run predicts no energies, or several methods and none is named.
        UnknownNameError: It has no such method.
    """

    def __init__(self, run: LoadedRun, method: str | None = None, *, compiled: bool = False) -> None:
        if run.modality != "atoms" or run.recipe.has_estimator or not isinstance(run.network, EnergyNetwork):
            raise UsageError(f"{run.run.folder} is not a potential: it gives no energies whose derivatives are forces")
        self.spec: AtomsSpec = run.run_spec
        methods = [label.method for label in self.spec.energies]
        if method is None and len(methods) > 1:
            raise UsageError(f"{run.run.folder} has several methods: state one of {', '.join(methods)}")
        self.method = methods[0] if method is None else method
        if self.method not in methods:
            raise UnknownNameError("method of the run", self.method, methods)
        self.vectors = run.vectors
        self._column = methods.index(self.method)
        self.device = run.ensemble.device
        self._networks = [_prepared(network, compiled=compiled) for network in run.ensemble.networks]
        encoders: list[Any] = [network.encoder for network in self._networks]
        self.cutoff = max(float(encoder.cutoff) for encoder in encoders)

    def __call__(self, batch: AtomsBatch) -> tuple[Tensor, Tensor]:
        """Energies and forces."""
        found = self.at(batch)
        return found.energies, found.forces

    def at(self, batch: AtomsBatch, *, stress: bool = False) -> Point:
        """All that is known of systems on the potential's device, which `spec` knows.

        Args:
            batch: With `pairs`, where a list is at hand.
            stress: Whether it is asked for.
        """
        every = [
            derivatives(partial(_energy, network, self._column), batch, stress=stress) for network in self._networks
        ]
        with torch.no_grad():
            energies = torch.stack(
                [
                    found.energies[:, 0].double() + network.offsets_of(batch)[:, self._column]
                    for found, network in zip(every, self._networks, strict=True)
                ]
            )
            forces = torch.stack([found.forces[..., 0] for found in every]).mean(dim=0)
            stresses = [found.stress[..., 0] for found in every if found.stress is not None]
        spread = energies.std(dim=0) if len(energies) > 1 else None
        return Point(energies.mean(dim=0), forces, torch.stack(stresses).mean(dim=0) if stresses else None, spread)


def _energy(network: EnergyNetwork, column: int, batch: AtomsBatch) -> Tensor:
    return network(batch)[:, column : column + 1]


def _prepared(network: Any, *, compiled: bool) -> EnergyNetwork:
    """A copy whose weights need no gradients, so that only what forces need is kept."""
    own: Any = deepcopy(network).eval()
    for parameter in own.parameters():
        parameter.requires_grad_(False)
    if compiled:
        own.encoder.features = torch.compile(own.encoder.features, dynamic=True)
    return own
