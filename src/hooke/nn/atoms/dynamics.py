"""Molecular dynamics of many systems at a time on any energy surface: at constant energy, or in a heat bath.

    velocity Verlet   v ← v + Δt f/2m;   r ← r + Δt v;   v ← v + Δt f/2m
    BAOAB             v ← v + Δt f/2m;   r ← r + Δt v/2;   v ← c v + √((1 - c²) kT/m) ξ;   r ← r + Δt v/2;   v ← v + Δt f/2m

with c = exp(-γ Δt). Units: Å, fs, eV, and masses in u. Random numbers follow from seed, step, row of the system and place of the atom: they do
not depend on the systems that share the batch.

Source: Swope et al. 1982 (doi:10.1063/1.442716); Leimkuhler and Matthews 2013 (doi:10.1093/amrx/abs010).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from rdkit.Chem import GetPeriodicTable
from torch import Tensor

from hooke.atoms.batch import AtomsBatch
from hooke.atoms.spec import ATOM
from hooke.core.errors import UsageError
from hooke.core.units import factor
from hooke.nn.atoms.energy_model import frame_sum
from hooke.nn.atoms.relaxation import Surface
from hooke.nn.atoms.verlet import SKIN, VerletLists
from hooke.nn.item_noise import item_ids, keyed, new_key, uniform

ACCELERATION = factor("eV", "kJ/mol") * 1e-4  # Å/fs² of 1 eV/Å on 1 u
BOLTZMANN = 1.380649e-23 / 1.602176634e-19  # eV/K


@dataclass(frozen=True)
class State:
    """Systems at one time.

    Attributes:
        time: fs.
        systems: With their positions.
        velocities: (A, 3) Å/fs.
        energies: (F,) potential energies, eV.
        forces: (A, 3) eV/Å.
        masses: (A,) u.
    """

    time: float
    systems: AtomsBatch
    velocities: Float[Tensor, "A 3"]
    energies: Float[Tensor, " F"]
    forces: Float[Tensor, "A 3"]
    masses: Float[Tensor, " A"]

    @property
    def kinetic(self) -> Float[Tensor, " F"]:
        """(F,) kinetic energies, eV."""
        each = 0.5 * self.masses * (self.velocities**2).sum(dim=1) / ACCELERATION
        return frame_sum(each[:, None], self.systems)[:, 0]

    @property
    def temperatures(self) -> Float[Tensor, " F"]:
        """(F,) K, of three degrees of freedom an atom."""
        return 2 * self.kinetic / (3 * BOLTZMANN * self.systems.offsets.diff())


def simulate(
    surface: Surface, systems: AtomsBatch, *, timestep: float, steps: int, every: int = 1, temperature: float = 0.0,
    friction: float = 0.0, seed: int = 0, velocities: Tensor | None = None, skin: float = SKIN,
) -> Iterator[State]:  # fmt: skip
    """The states of systems: the first, and then every so many steps.

    Args:
        surface: Energies and forces.
        systems: In float64.
        timestep: fs.
        steps: How many.
        every: Steps between two states.
        temperature: K, of the bath and of the velocities at the start, where none are given.
        friction: γ, 1/fs; 0 for constant energy.
        seed: Of velocities and bath.
        velocities: (A, 3) Å/fs at the start.
        skin: Å, of the Verlet lists.

    Raises:
        UsageError: A number is out of its range.
    """
    if not timestep > 0 or steps < 0 or every < 1 or not temperature >= 0 or not friction >= 0:
        raise UsageError(
            "the time step is above 0 fs, every at least 1; steps, temperature and friction are at least 0"
        )
    table, lists = GetPeriodicTable(), VerletLists(surface.cutoff, skin)
    positions = systems.positions
    masses = positions.new_tensor([table.GetAtomicWeight(number) for number in systems.numbers.tolist()])
    generator = torch.Generator().manual_seed(seed)
    weights, spread = masses[:, None], (BOLTZMANN * temperature * ACCELERATION / masses).sqrt()[:, None]
    if velocities is None:
        velocities = spread * _normal(systems, generator)
    kept = math.exp(-friction * timestep)
    energies, forces = surface(lists.of(systems))
    yield State(0.0, systems, velocities, energies, forces, masses)
    for step in range(1, steps + 1):
        velocities = velocities + (0.5 * timestep * ACCELERATION) * forces / weights
        positions = systems.positions + 0.5 * timestep * velocities
        if friction:
            velocities = kept * velocities + math.sqrt(1 - kept * kept) * spread * _normal(systems, generator)
        systems = replace(systems, positions=positions + 0.5 * timestep * velocities)
        energies, forces = surface(lists.of(systems))
        velocities = velocities + (0.5 * timestep * ACCELERATION) * forces / weights
        if step % every == 0:
            yield State(step * timestep, systems, velocities, energies, forces, masses)


def _normal(systems: AtomsBatch, generator: torch.Generator) -> Float[Tensor, "A 3"]:
    """Standard normal numbers of the atoms (Box and Muller)."""
    drawn = uniform(keyed(item_ids(systems, ATOM), new_key(generator)), 6).double()
    radius = (-2 * (drawn[:, :3] + 2.0**-25).log()).sqrt()
    return (radius * (2 * math.pi * drawn[:, 3:]).cos()).to(systems.positions.dtype)
