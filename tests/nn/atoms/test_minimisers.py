"""L-BFGS is the two-loop recursion, and both minimisers take the steps that ASE's take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from hooke.nn.atoms.minimisers import FIRE, LBFGS, LONGEST_STEP, Minimiser, shortened


def bowl(positions: torch.Tensor) -> torch.Tensor:
    """Forces of an anisotropic, not quite quadratic bowl around (1, 2, 3)."""
    away = positions - torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    stiffness = torch.tensor([2.0, 15.0, 60.0], dtype=torch.float64)
    return -stiffness * away - 0.5 * away**3


@pytest.mark.parametrize("name", ["LBFGS", "FIRE"])
def test_the_steps_are_those_of_ase(name: str) -> None:
    ase = pytest.importorskip("ase")
    from ase.calculators.calculator import Calculator
    from ase.optimize import FIRE as AseFIRE
    from ase.optimize import LBFGS as AseLBFGS

    class Bowl(Calculator):  # type: ignore[misc]
        implemented_properties = ("energy", "forces")

        def calculate(self, *arguments: Any) -> None:
            super().calculate(*arguments)
            forces = bowl(torch.from_numpy(self.atoms.positions)).numpy()
            self.results = {"energy": 0.0, "forces": forces}

    start = np.random.default_rng(0).normal(0, 1, (4, 3))
    atoms = ase.Atoms("H4", positions=start, calculator=Bowl())
    optimiser = {"LBFGS": AseLBFGS, "FIRE": AseFIRE}[name](atoms, logfile=None)
    own: Minimiser = {"LBFGS": LBFGS, "FIRE": FIRE}[name]()
    positions, system = torch.from_numpy(start.copy()), torch.zeros(4, dtype=torch.long)
    for _ in range(40):
        optimiser.step()
        positions = positions + own.step(positions, bowl(positions), system, 1)
        assert np.allclose(positions.numpy(), atoms.positions, atol=1e-7)


@pytest.mark.parametrize("made", [LBFGS, FIRE])
def test_a_bowl_is_left_at_its_bottom(made: type[Minimiser]) -> None:
    own, positions, system = made(), torch.randn(6, 3, dtype=torch.float64), torch.arange(6) // 2
    for _ in range(300):
        positions = positions + own.step(positions, bowl(positions), system, 3)
    assert torch.allclose(positions, torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64).expand(6, 3), atol=1e-6)


@pytest.mark.parametrize("made", [LBFGS, FIRE])
def test_systems_come_and_go(made: type[Minimiser]) -> None:
    """One that leaves, and one that comes, do not change the steps of a third."""
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(9, 3, dtype=torch.float64, generator=generator)
    alone, path = made(), []
    positions = start[3:6]
    for _ in range(12):
        positions = positions + alone.step(positions, bowl(positions), torch.zeros(3, dtype=torch.long), 1)
        path.append(positions)
    own, positions = made(), start[:6]
    for turn in range(12):
        if turn == 4:
            own.keep(torch.tensor([3, 4, 5]), torch.tensor([1]))
            positions = positions[3:]
        if turn == 6:
            own.add(3, 1)
            positions = torch.cat([positions, start[6:]])
        count = len(positions) // 3
        system = torch.arange(count).repeat_interleave(3)
        positions = positions + own.step(positions, bowl(positions), system, count)
        here = positions[3:] if turn < 4 else positions[:3]
        assert torch.allclose(here, path[turn], atol=1e-10)


def test_a_direction_uphill_is_forgotten() -> None:
    """Between a maximum and its flank curvature is negative: the next step still goes along the force."""
    own, system = LBFGS(memory=3), torch.zeros(1, dtype=torch.long)
    positions, forces = torch.zeros(1, 3, dtype=torch.float64), torch.tensor([[0.1, 0.0, 0.0]], dtype=torch.float64)
    for turn in range(6):
        step = own.step(positions, forces * (1 + turn), system, 1)
        assert float((step * forces).sum()) > 0
        positions = positions + step
    far = torch.tensor([[3.0, 4.0, 0.0], [0.03, 0.0, 0.0]], dtype=torch.float64)
    short = shortened(far, torch.tensor([0, 1]), 2)
    assert torch.allclose(short.norm(dim=1), torch.tensor([LONGEST_STEP, 0.03], dtype=torch.float64))
