"""`energy_forces`: energies of frames and forces on atoms, which are the negative derivative of the energy, by one or several methods.

    loss = w_E mean_f ((E_f - Ê_f) / n_f)² + w_F mean_ic (F_ic - F̂_ic)²

in eV and eV/Å, means over what was computed; n_f atoms of frame f, c = x, y, z. A network gives E = s Σ_i out_i + Σ_i (E0_Z(i) + shift_Z(i)):
the energies of isolated atoms and the mean contribution of elements (buffers, float64) are taken off the labels before these are rounded
to 32 bits, and given back to predictions in 64.

Source: Behler and Parrinello 2007 (doi:10.1103/PhysRevLett.98.146401) for sums over atoms; Schütt et al. 2018 for the loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hooke.atoms.batch import AtomsBatch
from hooke.atoms.spec import ATOM, FRAME, AtomsSpec
from hooke.core.errors import UsageError
from hooke.core.label import Label
from hooke.core.types import labels_of
from hooke.nn.atoms.energy_model import derivatives
from hooke.nn.atoms.network import EnergyNetwork
from hooke.nn.modes import evaluating
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask


@dataclass(frozen=True)
class Config:
    """Weights of the two parts of the loss, in 1/(eV/atom)² and 1/(eV/Å)²."""

    energy_weight: float = 1.0
    force_weight: float = 10.0

    def __post_init__(self) -> None:
        if min(self.energy_weight, self.force_weight) < 0 or self.energy_weight + self.force_weight == 0:
            raise ValueError("energy_weight and force_weight must be at least 0, and one above")


class Task(BaseTask):
    """All energies and forces of the spec.

    Raises:
        UsageError: There are no energies.
    """

    modality = "atoms"
    config: Config
    spec: AtomsSpec

    def __init__(self, config: Config, spec: AtomsSpec) -> None:
        if not spec.energies:
            raise UsageError(
                "energy_forces needs energies, and the data hold none; scalar_property learns other numbers of frames"
            )
        super().__init__(config, spec)
        methods = [label.method for label in spec.energies]
        strange = [label.method for label in spec.forces if label.method not in methods]
        if strange:
            raise UsageError(f"forces by {', '.join(strange)} have no energy that they are the derivative of")
        columns = labels_of(spec, FRAME)
        self._energies = [columns.index(label) for label in spec.energies]  # columns of the targets
        self._of_forces = [methods.index(label.method) for label in spec.forces]  # columns of the energies
        self._pulled = 1 + max(self._of_forces, default=-1)  # the last of them is differentiated

    @classmethod
    def learnt(cls, config: Config, labels: Sequence[Label]) -> tuple[Label, ...]:
        """See `Task.learnt`: energies and forces."""
        return tuple(label for label in labels if label.method)

    def inputs(self, spec: AtomsSpec) -> AtomsSpec:
        """One output a method."""
        return spec.with_labels((*spec.energies, *spec.forces))

    def network(self, encoder: nn.Module) -> EnergyNetwork:
        """The encoder with scales and offsets."""
        return EnergyNetwork(encoder, self.spec)

    def losses(self, network: nn.Module, batch: AtomsBatch, step: int, generator: torch.Generator) -> dict[str, Tensor]:
        """See `Task.losses`; beside the loss the mean absolute errors of energies an atom and of force components."""
        keep = torch.is_grad_enabled()
        with random_from(generator, network, batch):
            found = derivatives(network, batch, keep_graph=keep, columns=self._pulled)
        energies, forces = found.energies, found.forces[..., self._of_forces]
        counts = batch.offsets.diff().to(energies.dtype)[:, None]
        wanted = (batch.targets[FRAME][:, self._energies] - self._offsets(network, batch)).to(energies.dtype)
        off, energy_count = _known((energies - wanted) / counts, wanted)
        pull, force_count = forces.new_zeros(0), forces.new_zeros(())
        if self._of_forces and ATOM in batch.targets:
            true = batch.targets[ATOM].to(forces.dtype).reshape(len(forces), len(self._of_forces), 3).transpose(1, 2)
            pull, force_count = _known(forces - true, true)
        energy_loss = (off * off).sum() / energy_count.clamp(min=1)
        force_loss = (pull * pull).sum() / force_count.clamp(min=1)
        parts = {
            "energy_per_atom_mae": off.detach().abs().sum() / energy_count.clamp(min=1),
            "force_mae": pull.detach().abs().sum() / force_count.clamp(min=1),
        }
        loss = self.config.energy_weight * energy_loss + self.config.force_weight * force_loss
        return {"loss": loss + 0 * energies.sum(), **parts}

    def columns(self, level: str) -> list[str]:
        """See `Task.columns`."""
        labels = {FRAME: self.spec.energies, ATOM: self.spec.forces}.get(level, ())
        return [name for label in labels for name in label.column_names]

    def predict(self, network: nn.Module, batch: AtomsBatch) -> dict[str, Tensor]:
        """Energies in float64, as the data have them, and forces; gradients are made and dropped."""
        with evaluating(network):
            found = derivatives(network, batch, columns=self._pulled)
        energies = found.energies.double() + self._offsets(network, batch)
        predicted = {FRAME: energies}
        if self._of_forces:
            forces = found.forces[..., self._of_forces]
            predicted[ATOM] = forces.transpose(1, 2).reshape(len(forces), -1)
        return predicted

    def _offsets(self, network: nn.Module, batch: AtomsBatch) -> Tensor:
        return network.offsets_of(batch)  # type: ignore[operator]


def _known(errors: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Errors with 0 where nothing is known to compare with, and how many are known."""
    known = wanted.isfinite()
    return torch.where(known, errors, 0), known.sum().to(errors.dtype)
