"""Minimisers of energies over positions, many systems at a time: each system has its own state, and systems come and go between steps.

A minimiser sees positions and forces of all systems (flat, with the system of each atom) and gives the step of every atom. What one
system does depends on no other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hooke.core.errors import UnknownNameError

Name = Literal["lbfgs", "fire"]
NAMES: tuple[Name, ...] = ("lbfgs", "fire")
LONGEST_STEP = 0.2  # Å
Atoms = Float[Tensor, "atoms 3"]
OfAtoms = Int[Tensor, " atoms"]


class Minimiser(ABC):
    """The state of all systems that are in the batch."""

    @abstractmethod
    def step(self, positions: Atoms, forces: Atoms, system: OfAtoms, count: int) -> Atoms:
        """The displacement of every atom, Å.

        Args:
            positions: Å.
            forces: eV/Å at these positions.
            system: Of each atom.
            count: Systems.
        """

    @abstractmethod
    def keep(self, atoms: OfAtoms, systems: Int[Tensor, " systems"]) -> None:
        """Forget all but these atoms and systems, which are then numbered in this order."""

    @abstractmethod
    def add(self, atoms: int, systems: int) -> None:
        """Make room for so many new ones after those that are there."""


class LBFGS(Minimiser):
    """Limited-memory BFGS without line search; a step is shortened so that no atom moves farther than `LONGEST_STEP`.

        Δr = H f,   H = H_m of the last m pairs s = Δr, y = -Δf, from H_0 = 1/κ

    H f is computed in the compact form, which is the two-loop recursion as a few matrix products for all systems:

        H f = f/κ + S p₁ - Y p₂/κ,   p₂ = R⁻¹ Sᵀ f,   p₁ = R⁻ᵀ ((D + YᵀY/κ) p₂ - Yᵀ f/κ)

    with R the upper triangle of SᵀY and D its diagonal. A system that entered later has zeros in the older pairs, which then count for nothing.
    A direction against the force, which pairs of negative curvature can give, is replaced by f/κ, and the system's pairs are forgotten.

    Source: Nocedal 1980 (doi:10.2307/2006193); compact form: Byrd, Nocedal and Schnabel 1994 (doi:10.1007/BF01582063). κ, the number of
    pairs and the longest step are those that ASE uses by default.

    Args:
        memory: Pairs.
        curvature: κ, eV/Å².
    """

    def __init__(self, memory: int = 100, curvature: float = 70.0) -> None:
        self._memory, self._inverse = memory, 1 / curvature
        self._steps: Tensor | None = None  # (m, A, 3)
        self._changes: Tensor | None = None  # (m, A, 3)
        self._last: tuple[Tensor, Tensor] | None = (
            None  # positions and forces of the last step; NaN of those that took none
        )

    def step(self, positions: Atoms, forces: Atoms, system: OfAtoms, count: int) -> Atoms:
        """See `Minimiser.step`."""
        positions, forces = positions.double(), forces.double()
        if self._steps is None or self._changes is None or self._last is None:
            self._steps = self._changes = positions.new_zeros(0, len(positions), 3)
            self._products = positions.new_zeros(2, count, 0, 0)
        else:
            self._remember(positions - self._last[0], self._last[1] - forces, system, count)
        self._last = (positions, forces)
        direction = self._direction(forces, system, count)
        ahead = _sums(direction * forces, system, count)
        length = _sums(direction * direction, system, count)
        lost = ~((ahead > 0) & length.isfinite())
        if bool(lost.any()):
            self._forget(lost[system], lost)
            direction = torch.where(lost[system, None], forces * self._inverse, direction)
        return shortened(direction, system, count)

    def keep(self, atoms: OfAtoms, systems: Int[Tensor, " systems"]) -> None:
        """See `Minimiser.keep`."""
        if self._steps is None or self._changes is None or self._last is None:
            return
        self._steps, self._changes = self._steps[:, atoms], self._changes[:, atoms]
        self._last = (self._last[0][atoms], self._last[1][atoms])
        self._products = self._products[:, systems]
        used = torch.nonzero(self._steps.abs().sum(dim=(1, 2)) > 0)[:, 0]
        first = int(used[0]) if len(used) else len(self._steps)
        self._drop(first)  # pairs that no system has

    def add(self, atoms: int, systems: int) -> None:
        """See `Minimiser.add`."""
        if self._steps is None or self._changes is None or self._last is None:
            return
        pairs = len(self._steps)
        nothing = self._steps.new_zeros(pairs, atoms, 3)
        self._steps, self._changes = (torch.cat([each, nothing], dim=1) for each in (self._steps, self._changes))
        unknown = nothing.new_full((atoms, 3), torch.nan)
        self._last = (torch.cat([self._last[0], unknown]), torch.cat([self._last[1], unknown]))
        self._products = torch.cat([self._products, nothing.new_zeros(2, systems, pairs, pairs)], dim=1)

    def _remember(self, step: Atoms, change: Atoms, system: OfAtoms, count: int) -> None:
        assert self._steps is not None
        assert self._changes is not None
        step, change = (torch.where(step.isnan(), 0, each) for each in (step, change))
        size = (_sums(step * step, system, count) * _sums(change * change, system, count)).sqrt()
        useless = _sums(step * change, system, count).abs() <= 1e-10 * size
        step, change = (torch.where(useless[system, None], 0, each) for each in (step, change))
        if len(self._steps) == self._memory:
            self._drop(1)
        self._steps, self._changes = torch.cat([self._steps, step[None]]), torch.cat([self._changes, change[None]])
        pairs = len(self._steps)
        products = self._steps.new_zeros(2, count, pairs, pairs)
        products[:, :, :-1, :-1] = self._products
        products[0, :, :, -1] = _sums(self._steps * change, system, count)  # SᵀY, of which the upper triangle counts
        products[1, :, :, -1] = products[1, :, -1] = _sums(self._changes * change, system, count)  # YᵀY
        self._products = products

    def _direction(self, forces: Atoms, system: OfAtoms, count: int) -> Atoms:
        assert self._steps is not None
        assert self._changes is not None
        if not len(self._steps):
            return forces * self._inverse
        upper, changes = self._products[0].triu(), self._products[1]
        diagonal = upper.diagonal(dim1=1, dim2=2)
        upper = upper + torch.diag_embed((diagonal == 0).to(upper.dtype))
        along = _sums(self._steps * forces, system, count)[..., None]  # (systems, m, 1)
        across = _sums(self._changes * forces, system, count)[..., None]
        second = torch.linalg.solve_triangular(upper, along, upper=True)
        right = diagonal[..., None] * second + self._inverse * (changes @ second - across)
        first = torch.linalg.solve_triangular(upper.transpose(1, 2), right, upper=False)
        of_steps, of_changes = (each[..., 0].T[:, system, None] for each in (first, second))
        found: Tensor = (self._steps * of_steps - self._changes * (of_changes * self._inverse)).sum(dim=0)
        return found + forces * self._inverse

    def _forget(self, atoms: Tensor, systems: Tensor) -> None:
        assert self._steps is not None
        assert self._changes is not None
        self._steps, self._changes = (torch.where(atoms[:, None], 0, each) for each in (self._steps, self._changes))
        self._products = torch.where(systems[:, None, None], 0, self._products)

    def _drop(self, pairs: int) -> None:
        assert self._steps is not None
        assert self._changes is not None
        self._steps, self._changes = self._steps[pairs:], self._changes[pairs:]
        self._products = self._products[:, :, pairs:, pairs:]


class FIRE(Minimiser):
    """The fast inertial relaxation engine: dynamics whose velocity is turned towards the force, and stops when it goes uphill.

        v ← (1 - a) v + a |v| f/|f| while f·v > 0, else 0;   v ← v + Δt f;   Δr = Δt v

    Δt grows by 1.1 up to 1 and a shrinks by 0.99 after five steps downhill; uphill Δt is halved and a starts again at 0.1. No system moves
    farther than `LONGEST_STEP` in a step, as a vector of all its coordinates.

    Source: Bitzek et al. 2006 (doi:10.1103/PhysRevLett.97.170201), with all masses 1 and ASE's parameters (Δt in ASE's unit of time).
    """

    _STEP, _LONGEST, _GROWTH, _CUT = 0.1, 1.0, 1.1, 0.5
    _MIXING, _DECAY, _PATIENCE = 0.1, 0.99, 5

    def __init__(self) -> None:
        self._velocity: Tensor | None = None
        self._systems = torch.zeros(3, 0, dtype=torch.float64)  # time step, mixing, steps downhill

    def step(self, positions: Atoms, forces: Atoms, system: OfAtoms, count: int) -> Atoms:
        """See `Minimiser.step`."""
        forces = forces.double()
        if self._velocity is None:
            self._velocity = torch.zeros_like(forces)
            self._systems = self._new(count).to(forces.device)
        time, mixing, downhill = self._systems
        power = _sums(forces * self._velocity, system, count)
        speed, pull = (_sums(each * each, system, count).sqrt() for each in (self._velocity, forces))
        good, moving = power > 0, speed > 0
        turned = (mixing * speed / pull.clamp(min=1e-300))[system, None] * forces
        velocity = (1 - mixing)[system, None] * self._velocity + turned
        velocity = torch.where(good[system, None], velocity, 0)
        patient = good & (downhill > self._PATIENCE)
        longer = torch.where(patient, (time * self._GROWTH).clamp(max=self._LONGEST), time)
        time = torch.where(good | ~moving, longer, time * self._CUT)
        mixing = torch.where(good, torch.where(patient, mixing * self._DECAY, mixing), self._MIXING)
        self._systems = torch.stack([time, mixing, torch.where(good, downhill + 1, 0)])
        self._velocity = velocity + time[system, None] * forces
        displacement = time[system, None] * self._velocity
        length = _sums(displacement * displacement, system, count).sqrt()
        return displacement * (LONGEST_STEP / length.clamp(min=LONGEST_STEP))[system, None]

    def keep(self, atoms: OfAtoms, systems: Int[Tensor, " systems"]) -> None:
        """See `Minimiser.keep`."""
        if self._velocity is not None:
            self._velocity, self._systems = self._velocity[atoms], self._systems[:, systems]

    def add(self, atoms: int, systems: int) -> None:
        """See `Minimiser.add`."""
        if self._velocity is not None:
            self._velocity = torch.cat([self._velocity, self._velocity.new_zeros(atoms, 3)])
            self._systems = torch.cat([self._systems, self._new(systems).to(self._systems.device)], dim=1)

    def _new(self, systems: int) -> Tensor:
        start = torch.tensor([self._STEP, self._MIXING, 0.0], dtype=torch.float64)
        return start[:, None].repeat(1, systems)


def minimiser(name: str) -> Minimiser:
    """A minimiser by name, without systems.

    Raises:
        UnknownNameError: There is no such one.
    """
    if name not in NAMES:
        raise UnknownNameError("optimiser", name, NAMES)
    return LBFGS() if name == "lbfgs" else FIRE()


def shortened(steps: Atoms, system: OfAtoms, count: int) -> Atoms:
    """The steps of each system scaled so that no atom moves farther than `LONGEST_STEP`."""
    length = (steps * steps).sum(dim=1).sqrt()
    longest = length.new_zeros(count).scatter_reduce(0, system, length, "amax")
    return steps * (LONGEST_STEP / longest.clamp(min=LONGEST_STEP))[system, None]


def _sums(products: Tensor, system: OfAtoms, count: int) -> Tensor:
    """(systems,), or (systems, m) of (m, A, 3): sums over the coordinates of each system."""
    of_atoms = products.sum(dim=-1)
    return of_atoms.new_zeros(count, *of_atoms.shape[:-1]).index_add(0, system, of_atoms.movedim(-1, 0))
