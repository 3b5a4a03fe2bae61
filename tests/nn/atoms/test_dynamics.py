"""Dynamics: energy is kept to second order in the time step, a bath gives its temperature, and nobody depends on others."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from hooke.atoms.batch import AtomsBatch
from hooke.core.errors import UsageError
from hooke.nn.atoms.dynamics import ACCELERATION, BOLTZMANN, simulate

STIFFNESS = 10.0  # eV/Å²


class Wells:
    """Each atom in a harmonic well of its own, a little anharmonic."""

    cutoff = 1.0

    def __init__(self, quartic: float = 0.0) -> None:
        self.quartic = quartic

    def __call__(self, batch: AtomsBatch) -> tuple[Tensor, Tensor]:
        away = batch.positions - batch.numbers[:, None]
        squared = (away * away).sum(dim=1)
        each = 0.5 * STIFFNESS * squared + 0.25 * self.quartic * squared**2
        energies = each.new_zeros(batch.num_items).index_add(0, batch.frame, each)
        return energies, -(STIFFNESS + self.quartic * squared)[:, None] * away


def systems(frames: int, atoms: int = 4) -> AtomsBatch:
    """Atoms at the bottoms of their wells, which lie 5 Å apart."""
    numbers = torch.tensor([1, 6, 11, 16])[:atoms].repeat(frames)
    frame = torch.arange(frames).repeat_interleave(atoms)
    zeros = torch.zeros(frames, dtype=torch.long)
    return AtomsBatch(
        numbers, numbers[:, None].double().repeat(1, 3), torch.arange(frames + 1) * atoms, frame, zeros, zeros,
        torch.zeros(frames, 3, 3, dtype=torch.float64), torch.zeros(frames, 3, dtype=torch.bool), torch.arange(frames),
    )  # fmt: skip


def test_the_energy_is_kept_to_second_order() -> None:
    """Half the time step, a quarter of the largest deviation."""
    deviations = []
    for timestep in (0.4, 0.2, 0.1):
        states = simulate(
            Wells(50.0), systems(3), timestep=timestep, steps=round(60 / timestep), temperature=600.0, seed=1
        )
        totals = torch.stack([state.energies + state.kinetic for state in states])
        deviations.append((totals - totals[0]).abs().max(dim=0).values)
    for coarse, fine in pairwise(deviations):
        assert bool((coarse / fine > 3.5).all())
        assert bool((coarse / fine < 4.5).all())


def test_one_well_swings_with_its_frequency() -> None:
    """x(t) = x₀ cos(ω t), ω² = k/m."""
    at_rest = systems(1, 1)
    moved = at_rest.positions.clone()
    moved[0, 0] += 0.1
    *_, last = simulate(Wells(), replace(at_rest, positions=moved), timestep=0.02, steps=500)
    frequency = (STIFFNESS * ACCELERATION / last.masses[0]).sqrt()
    assert abs(float(last.systems.positions[0, 0]) - 1 - 0.1 * float(torch.cos(frequency * last.time))) < 1e-4


def test_a_bath_gives_its_temperature() -> None:
    """Kinetic and potential energy of harmonic wells are 3/2 kT an atom each, within three standard errors of the mean."""
    kinetic, potential = [], []
    states = simulate(Wells(), systems(40), timestep=1.0, steps=600, every=20, temperature=300.0, friction=0.1, seed=2)
    for state in states:
        if state.time > 50:
            kinetic.append(state.temperatures.mean())
            potential.append(2 * state.energies.mean() / (3 * BOLTZMANN * 4))
    for found in (kinetic, potential):
        assert abs(float(torch.stack(found).mean()) - 300) < 12
    at_rest = torch.zeros(16, 3, dtype=torch.float64)
    cold = simulate(
        Wells(), systems(4), timestep=0.5, steps=100, every=100, temperature=300.0, friction=0.05, velocities=at_rest
    )
    first, last = list(cold)
    assert float(first.kinetic.sum()) == 0
    assert float(last.kinetic.sum()) > 0


def test_nobody_depends_on_who_shares_the_batch() -> None:
    options = {"timestep": 0.5, "steps": 50, "every": 50, "temperature": 300.0, "friction": 0.02, "seed": 3}
    *_, together = simulate(Wells(), systems(5), **options)  # type: ignore[arg-type]
    *_, alone = simulate(Wells(), systems(5).select(torch.tensor([3])), **options)  # type: ignore[arg-type]
    assert torch.allclose(together.systems.positions[12:16], alone.systems.positions, atol=1e-12)
    assert not torch.allclose(together.systems.positions[:4], together.systems.positions[4:8], atol=1e-3)


def test_numbers_out_of_range_are_refused() -> None:
    for options in ({"timestep": 0.0}, {"steps": -1}, {"every": 0}, {"temperature": -1.0}, {"friction": -1.0}):
        with pytest.raises(UsageError, match="time step"):
            list(simulate(Wells(), systems(1), **{"timestep": 1.0, "steps": 1, **options}))  # type: ignore[arg-type]
