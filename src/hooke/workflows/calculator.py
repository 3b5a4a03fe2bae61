"""A trained potential as a calculator of ASE, so that its dynamics, optimisers and other tools can use it.

Source: Larsen et al. 2017 (doi:10.1088/1361-648X/aa680e).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch

from hooke.atoms.batch import AtomsBatch, atoms_batch
from hooke.atoms.frames import FrameCollector
from hooke.core.errors import DataError, UsageError
from hooke.inference.applicability import Domain
from hooke.inference.loaded import LoadedRun
from hooke.nn.atoms.verlet import VerletLists
from hooke.workflows.run_potential import RunPotential

try:
    from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes
except ImportError as error:
    raise UsageError("a calculator needs ASE: pip install 'hooke-bio[quantum]'") from error

PLACED_EVERY, MOVED = (
    100,
    0.5,
)  # evaluations, or Å of an atom, after which a system is placed again: a pass through the encoder
_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


class PotentialCalculator(Calculator):
    """Energy, free energy (the same) and forces; stress of systems that repeat along three vectors; eV, eV/Å, eV/Å³.

    Of an ensemble the mean, and `results["energy_disagreement"]`, the standard deviation of the energy over its networks, in eV.
    The charge of a system is `atoms.info["charge"]`, else the sum of its initial charges. Elements and charges that the run was not trained
    on are refused.

    Where the run keeps its domain, a system is placed in it at its first geometry, at every hundredth, and when an atom has moved by more than
    0.5 Å since: `results["embedding_distance"]` is its distance to the nearest training frame (see `inference.applicability`). The first
    geometry beyond the limit is a `UserWarning`, once a system.

    Args:
        potential: Of a run.
        domain: The run's.
    """

    implemented_properties = ["energy", "free_energy", "forces", "stress"]  # noqa: RUF012

    def __init__(self, potential: RunPotential, domain: Domain | None = None) -> None:
        super().__init__()
        self.potential = potential
        self.domain = domain
        self._evaluations, self._warned = 0, False  # of this system
        self._placed: np.ndarray | None = None  # positions at which it was
        self._lists = VerletLists(potential.cutoff)
        self._same: tuple[Any, ...] | None = None  # system that the lists are of: all but positions

    def calculate(self, atoms: Any = None, properties: Any = ("energy",), system_changes: Any = all_changes) -> None:
        """See `ase.calculators.calculator.Calculator.calculate`.

        Raises:
            DataError: The run knows nothing of an element or of the charge, or two atoms coincide.
        """
        super().calculate(atoms, properties, system_changes)
        batch = self._batch()
        wants_stress = "stress" in properties
        if wants_stress and not bool(batch.periodic.all()):
            raise PropertyNotImplementedError("stress is that of systems which repeat along three vectors")
        found = self.potential.at(self._lists.of(batch), stress=bool(batch.periodic.all()))
        energy = float(found.energies[0])
        self.results = {"energy": energy, "free_energy": energy, "forces": found.forces.double().cpu().numpy()}
        if found.stress is not None:
            stress = found.stress[0].double().cpu().numpy()
            self.results["stress"] = np.array([stress[place] for place in _VOIGT])
        if found.disagreement is not None:
            self.results["energy_disagreement"] = float(found.disagreement[0])
        if self.domain is not None and self._is_elsewhere():
            self._place(batch, self.domain)
        self._evaluations += 1

    def _is_elsewhere(self) -> bool:
        atoms: Any = self.atoms
        positions = atoms.positions
        if (
            self._evaluations % PLACED_EVERY
            and self._placed is not None
            and np.abs(positions - self._placed).max() <= MOVED
        ):
            return False
        self._placed = positions.copy()
        return True

    def _place(self, batch: AtomsBatch, domain: Domain) -> None:
        distance = float(domain.distance(self.potential.vectors(batch))[0])
        self.results["embedding_distance"] = distance
        if not self._warned and (reason := domain.too_far(distance, "frames")):
            self._warned = True
            warnings.warn(
                f"these atoms are unlike what the potential was trained on: {reason}", UserWarning, stacklevel=4
            )

    def _batch(self) -> AtomsBatch:
        atoms: Any = self.atoms
        charge = atoms.info.get("charge", round(float(atoms.get_initial_charges().sum()), 6))
        periodic = bool(atoms.pbc.any())
        collector = FrameCollector("atoms", 0, 0)
        collector.add(
            atoms.numbers.astype(np.int64), atoms.positions[None], charge=charge, cell=atoms.cell.array[None] if periodic else None,
            periodic=atoms.pbc[None],
        )  # fmt: skip
        frames, refused = collector.take()
        if frames is None:
            raise DataError(f"these atoms: {refused[0].reason}")
        for reason in self.potential.spec.unknown(frames).values():
            raise DataError(f"these atoms: {reason}")
        same = (atoms.numbers.tobytes(), atoms.cell.array.tobytes(), atoms.pbc.tobytes())
        if same != self._same:
            self._same, self._lists = same, VerletLists(self.potential.cutoff)
            self._evaluations, self._warned, self._placed = 0, False, None
        return atoms_batch(frames, np.zeros(1, np.int64), dtype=torch.float64).to(self.potential.device)


def calculator_of(run: LoadedRun, method: str | None = None, *, compiled: bool = False) -> PotentialCalculator:
    """The calculator of a run.

    Args:
        run: A potential.
        method: Of the run, where it has several.
        compiled: Pass the networks through `torch.compile`.

    Raises:
        UsageError: The run is no potential.
        UnknownNameError: It has no such method.
    """
    return PotentialCalculator(RunPotential(run, method, compiled=compiled), Domain.kept_by(run))
