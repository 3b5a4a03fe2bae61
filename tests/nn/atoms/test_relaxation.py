"""Relaxation on surfaces whose minima are known, and independence of who shares the batch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from hooke.atoms.batch import AtomsBatch
from hooke.core.errors import UnknownNameError
from hooke.modalities.atoms import MODALITY
from hooke.models import painn
from hooke.nn.atoms.energy_model import derivatives
from hooke.nn.atoms.minimisers import NAMES
from hooke.nn.atoms.pairs import CoincidentAtomsError
from hooke.nn.atoms.relaxation import COINCIDENT, NOT_FINITE, Relaxed, relax


class Bonds:
    """Springs between all atoms of a system, of rest length 1 Å and 5 eV/Å²."""

    cutoff = 10.0

    def __init__(self) -> None:
        self.evaluated: list[int] = []  # systems of each call

    def __call__(self, batch: AtomsBatch) -> tuple[Tensor, Tensor]:
        self.evaluated.append(batch.num_items)
        pairs = batch.pairs
        assert pairs is not None
        vector = batch.positions[pairs.second] - batch.positions[pairs.first]
        distance = vector.norm(dim=1)
        energies = distance.new_zeros(batch.num_items).index_add(0, batch.frame[pairs.first], 2.5 * (distance - 1) ** 2)
        pull = (5 * (distance - 1) / distance)[:, None] * vector
        return energies, torch.zeros_like(batch.positions).index_add(0, pairs.first, pull).index_add(
            0, pairs.second, -pull
        )


class Potential:
    """A small network without training plus the springs, which keep it together."""

    cutoff = 10.0

    def __init__(self) -> None:
        spec = MODALITY.sample().spec
        torch.manual_seed(0)
        self.network = painn.Model(painn.PRESETS["tiny"], spec).double()
        self.springs = Bonds()

    def __call__(self, batch: AtomsBatch) -> tuple[Tensor, Tensor]:
        found, (energies, forces) = derivatives(self.network, batch, columns=1), self.springs(batch)
        return energies + found.energies[:, 0], forces + found.forces[..., 0]


def triangles(count: int, seed: int = 0) -> AtomsBatch:
    """Systems of two to four atoms, about 1.3 Å apart."""
    draw = np.random.default_rng(seed)
    sizes = torch.from_numpy(draw.integers(2, 5, count))
    corners = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=torch.float64) * 0.45
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), sizes.cumsum(0)])
    frame = torch.repeat_interleave(sizes)
    place = torch.arange(len(frame)) - offsets[frame]
    positions = corners[place] + torch.from_numpy(draw.normal(0, 0.15, (len(frame), 3)))
    numbers = torch.tensor([6, 1, 8, 1])[place]
    zeros = torch.zeros(count, dtype=torch.long)
    return AtomsBatch(
        numbers, positions, offsets, frame, zeros, zeros, torch.zeros(count, 3, 3, dtype=torch.float64),
        torch.zeros(count, 3, dtype=torch.bool), torch.arange(count),
    )  # fmt: skip


def relaxed(surface: object, systems: AtomsBatch, **options: object) -> list[Relaxed]:
    usual: dict[str, object] = {"fmax": 1e-4, "steps": 400, "most": 1000}
    costs = np.ones(systems.num_items, np.int64)
    found = list(relax(surface, systems, costs, **{**usual, **options}))  # type: ignore[arg-type]
    assert sorted(each.place for each in found) == list(range(systems.num_items))
    return sorted(found, key=lambda each: each.place)


@pytest.mark.parametrize("optimiser", NAMES)
def test_springs_come_to_rest(optimiser: str) -> None:
    systems = triangles(12)
    for each in relaxed(Bonds(), systems, optimiser=optimiser):
        assert not each.problem
        assert each.largest <= 1e-4
        assert each.energy < 1e-7
        vectors = each.positions[:, None] - each.positions[None]
        distances = np.linalg.norm(vectors, axis=2)[np.triu_indices(len(each.positions), 1)]
        assert np.allclose(distances, 1, atol=1e-4)


@pytest.mark.parametrize("optimiser", NAMES)
def test_nobody_depends_on_who_shares_the_batch(optimiser: str) -> None:
    """One by one, all together, and entering late: the same within rounding; returned energy and forces are those of the geometry."""
    systems, surface = triangles(6, seed=1), Potential()
    together = relaxed(surface, systems, optimiser=optimiser, fmax=0.03)
    surface.springs.evaluated.clear()
    late = relaxed(surface, systems, optimiser=optimiser, fmax=0.03, most=3)
    assert max(surface.springs.evaluated) == 3
    alone = [
        relaxed(surface, systems.select(torch.tensor([place])), optimiser=optimiser, fmax=0.03)[0] for place in range(6)
    ]
    for one, two, three in zip(together, late, alone, strict=True):
        assert not one.problem
        assert one.steps == two.steps == three.steps > 1
        for other in (two, three):
            assert np.allclose(one.positions, other.positions, atol=1e-8)
            assert abs(one.energy - other.energy) < 1e-9
        again = replace(
            systems.select(torch.tensor([one.place])),
            positions=torch.from_numpy(one.positions),
            rows=torch.zeros(1, dtype=torch.long),
        )
        energy, forces = Potential()(replace(again, pairs=_all_pairs(len(again.numbers))))
        assert abs(float(energy) - one.energy) < 1e-9
        assert np.allclose(forces.numpy(), one.forces, atol=1e-8)
        assert one.largest <= 0.03


def _all_pairs(atoms: int) -> object:
    from hooke.atoms.batch import PairList

    first, second = torch.triu_indices(atoms, atoms, 1)
    return PairList(first, second, None, 10.0)


def test_a_translated_system_relaxes_to_the_translated_minimum() -> None:
    systems, surface = triangles(5, seed=2), Potential()
    there = torch.tensor([3.0, -2.0, 7.0], dtype=torch.float64)
    moved = replace(systems, positions=systems.positions + there)
    for here, other in zip(relaxed(surface, systems), relaxed(surface, moved), strict=True):
        assert np.allclose(here.positions + there.numpy(), other.positions, atol=1e-6)
        assert abs(here.energy - other.energy) < 1e-8


def test_what_does_not_converge_says_why() -> None:
    """Steps that are spent, energies that are not finite at once and later, atoms that fall together: the others are not disturbed."""

    class Faulty(Bonds):
        def __call__(self, batch: AtomsBatch) -> tuple[Tensor, Tensor]:
            energies, forces = super().__call__(batch)
            if bool((batch.rows == 3).any()) and len(self.evaluated) > 2:
                raise CoincidentAtomsError(batch.rows.tolist().index(3), 3)
            energies = torch.where(batch.rows == 1, torch.nan, energies)
            if len(self.evaluated) > 2:
                forces = torch.where((batch.rows == 2)[batch.frame, None], torch.inf, forces)
            return energies, forces

    systems = triangles(5, seed=3)
    found = relaxed(Faulty(), systems)
    assert [each.problem for each in found] == ["", NOT_FINITE, NOT_FINITE, COINCIDENT, ""]
    first, second, third, fourth, _ = found
    assert np.isnan(second.energy)
    assert second.steps == 0
    assert np.array_equal(second.positions, systems.select(torch.tensor([1])).positions.numpy())
    for each in (third, fourth):
        again = replace(systems.select(torch.tensor([each.place])), positions=torch.from_numpy(each.positions))
        energy, forces = Bonds()(replace(again, pairs=_all_pairs(len(each.positions))))
        assert each.steps == 1
        assert abs(float(energy) - each.energy) < 1e-12
        assert np.allclose(forces.numpy(), each.forces)
    assert np.array_equal(first.positions, relaxed(Bonds(), systems)[0].positions)
    spent = relaxed(Bonds(), systems, steps=1)
    assert {each.problem for each in spent} == {"not converged after 1 steps"}
    assert {each.steps for each in spent} == {1}
    assert all(each.largest > 1e-4 for each in spent)
    assert not any(each.steps for each in relaxed(Bonds(), systems, steps=0))
    with pytest.raises(UnknownNameError, match="lbfgs"):
        relaxed(Bonds(), systems, optimiser="bfgs")
