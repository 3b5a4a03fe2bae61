"""Relaxation of many systems at a time on any energy surface: converged ones leave the batch, waiting ones enter.

A system is converged when no force on an atom is longer than the limit. Energy and forces that are returned were computed at the positions
that are returned. No system depends on those that share its batch, beyond the rounding of the surface.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from hooke.atoms.batch import AtomsBatch
from hooke.nn.atoms.minimisers import Minimiser, minimiser
from hooke.nn.atoms.pairs import CoincidentAtomsError
from hooke.nn.atoms.verlet import SKIN, VerletLists

_MARGIN = 0.999  # of the limit, so that forces computed again, alone and rounded otherwise, are within it
NOT_FINITE, COINCIDENT = "its energy or forces are not finite", "two of its atoms coincide"


@runtime_checkable
class Surface(Protocol):
    """Energies and forces of systems."""

    @property
    def cutoff(self) -> float:
        """Å; how far atoms notice each other."""

    def __call__(self, batch: AtomsBatch) -> tuple[Tensor, Tensor]:
        """(F,) energies in eV and (A, 3) forces in eV/Å; `batch.pairs` may be there.

        Raises:
            CoincidentAtomsError: Two atoms of a system are in one place.
        """


@dataclass(frozen=True)
class Relaxed:
    """A system that has left.

    Attributes:
        place: Its number among the systems given.
        positions: (atoms, 3) Å.
        energy: eV at these positions; NaN where none is finite.
        forces: (atoms, 3) eV/Å at these positions.
        steps: Taken until then.
        problem: Why it is not converged; "" where it is.
    """

    place: int
    positions: np.ndarray
    energy: float
    forces: np.ndarray
    steps: int
    problem: str

    @property
    def largest(self) -> float:
        """eV/Å: the longest force on an atom."""
        return float(np.linalg.norm(self.forces, axis=1).max())


def relax(
    surface: Surface, systems: AtomsBatch, costs: np.ndarray, *, fmax: float, steps: int, optimiser: str = "lbfgs",
    most: int, skin: float = SKIN,
) -> Iterator[Relaxed]:  # fmt: skip
    """Relax systems; they are given out as they leave.

    Args:
        surface: Energies and forces.
        systems: All of them, in float64.
        costs: (F,) of each, such as its number of pairs.
        fmax: eV/Å; no force on an atom of a converged system is longer.
        steps: Most steps a system.
        optimiser: "lbfgs" or "fire".
        most: Sum of the costs of the systems in the batch; a single one may cost more.
        skin: Å, of the Verlet lists.

    Raises:
        UnknownNameError: No such optimiser.
    """
    batch = _Batch(systems, minimiser(optimiser))
    lists = VerletLists(surface.cutoff, skin)
    waiting, load = list(range(systems.num_items))[::-1], 0
    while waiting or batch.places:
        entering: list[int] = []
        while waiting and (load + costs[waiting[-1]] <= most or not (batch.places or entering)):
            entering.append(waiting.pop())
            load += int(costs[entering[-1]])
        batch.enter(entering)
        try:
            energies, forces = surface(lists.of(batch.systems))
        except CoincidentAtomsError as error:
            gone = torch.zeros(len(batch.places), dtype=torch.bool, device=systems.positions.device)
            gone[error.frame] = True
            left = [batch.before(error.frame, COINCIDENT)]
            batch.leave(gone)
        else:
            left = _finished(batch, energies, forces, fmax, steps)
        load -= sum(int(costs[each.place]) for each in left)
        yield from left


def _finished(batch: _Batch, energies: Tensor, forces: Tensor, fmax: float, steps: int) -> list[Relaxed]:
    """Those that leave after an evaluation; the others take a step."""
    energies, forces = energies.double(), forces.double()
    system, count = batch.systems.frame, len(batch.places)
    length = forces.norm(dim=1)
    longest = length.new_zeros(count).scatter_reduce(0, system, torch.where(length.isnan(), torch.inf, length), "amax")
    finite = energies.isfinite() & longest.isfinite()
    converged = finite & (longest <= fmax * _MARGIN)
    spent = batch.taken >= steps
    gone = ~finite | converged | spent
    left = []
    if bool(gone.any()):
        for place in torch.nonzero(gone)[:, 0].tolist():
            if not finite[place]:
                left.append(batch.before(place, NOT_FINITE))
                continue
            problem = "" if converged[place] else f"not converged after {int(batch.taken[place])} steps"
            left.append(batch.now(place, energies, forces, problem))
        stay = ~gone
        energies, forces = energies[stay], forces[stay[system]]
        batch.leave(gone)
    if batch.places:
        batch.move(energies, forces)
    return left


class _Batch:
    """The systems that are being relaxed.

    Attributes:
        places: Of each, among all systems.
        systems: As they are now.
        taken: (F,) steps.
    """

    def __init__(self, every: AtomsBatch, method: Minimiser) -> None:
        self._every = replace(every, rows=torch.arange(every.num_items, device=every.rows.device))
        self._method = method
        self.places: list[int] = []
        self.systems = self._every.select(every.offsets.new_zeros(0))
        self.taken = every.offsets.new_zeros(0)
        self._before = (self.systems.positions, self.systems.positions[:, 0], self.systems.positions)

    def enter(self, places: list[int]) -> None:
        """Take in some of the waiting systems."""
        if not places:
            return
        new = self._every.select(torch.tensor(places, device=self.taken.device))
        self.places += places
        self.systems = AtomsBatch.joined([self.systems, new])
        self.taken = torch.cat([self.taken, self.taken.new_zeros(len(places))])
        unknown = torch.full_like(new.positions, torch.nan)
        positions, energies, forces = self._before
        self._before = (
            torch.cat([positions, new.positions]), torch.cat([energies, unknown.new_full((len(places),), torch.nan)]),
            torch.cat([forces, unknown]),
        )  # fmt: skip
        self._method.add(len(unknown), len(places))

    def leave(self, gone: Tensor) -> None:
        """Remove some."""
        kept = torch.nonzero(~gone)[:, 0]
        atoms = torch.nonzero(~gone[self.systems.frame])[:, 0]
        self._method.keep(atoms, kept)
        self.places = [self.places[place] for place in kept.tolist()]
        self.systems, self.taken = self.systems.select(kept), self.taken[kept]
        positions, energies, forces = self._before
        self._before = (positions[atoms], energies[kept], forces[atoms])

    def move(self, energies: Tensor, forces: Tensor) -> None:
        """A step of each."""
        positions = self.systems.positions
        self._before = (positions, energies, forces)
        step = self._method.step(positions, forces, self.systems.frame, len(self.places))
        self.systems = replace(self.systems, positions=positions + step.to(positions.dtype))
        self.taken = self.taken + 1

    def now(self, place: int, energies: Tensor, forces: Tensor, problem: str) -> Relaxed:
        """A system as it is."""
        return self._relaxed(place, self.systems.positions, energies, forces, int(self.taken[place]), problem)

    def before(self, place: int, problem: str) -> Relaxed:
        """A system as it was before its last step; as it was given, without an energy, where it took none."""
        return self._relaxed(place, *self._before, max(0, int(self.taken[place]) - 1), problem)

    def _relaxed(
        self, place: int, positions: Tensor, energies: Tensor, forces: Tensor, steps: int, problem: str
    ) -> Relaxed:
        atoms = slice(*self.systems.offsets[place : place + 2].tolist())
        there, pull = (each[atoms].double().cpu().numpy() for each in (positions, forces))
        return Relaxed(self.places[place], there, float(energies[place]), pull, steps, problem)
