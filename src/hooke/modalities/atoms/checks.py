"""What the contract kit asks of every potential: exact forces, smoothness at the cutoff, additivity, periodicity, and stress."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from hooke.atoms.batch import AtomsBatch
from hooke.nn.atoms.energy_model import derivatives
from hooke.nn.contract import ModelCase, require, require_equal

_STEP = 1e-4  # Å, of central differences
_TIGHT = 1e-10


def forces(case: ModelCase) -> None:
    """Forces are the negative central differences of the energy (four points)."""
    model, batch = case.build(), case.batch(range(0, case.sample.items, 3))
    found = derivatives(model, batch).forces[..., 0]
    flat = batch.positions.flatten()
    expected = torch.zeros_like(flat)
    with torch.no_grad():
        for place in range(len(flat)):
            values = []
            for steps in (-2, -1, 1, 2):
                moved = flat.clone()
                moved[place] += steps * _STEP
                values.append(model(replace(batch, positions=moved.view(-1, 3)))[:, 0].sum())
            expected[place] = -(values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * _STEP)
    error = float((found.flatten() - expected).norm() / expected.norm().clamp(min=1e-12))
    require(error <= 1e-6, f"forces differ from central differences by {error:.3g} of their size")


def smooth_at_cutoff(case: ModelCase) -> None:
    """Energy, force and curvature of two atoms are continuous where one passes the cutoff of the other."""
    model = case.build()
    one = case.sample.batch(case.sample.odd["one atom"], case.sample.spec)
    for before, after, what in zip(
        *(_three(model, one, sign) for sign in (-1, 1)), ("energy", "force", "curvature"), strict=True
    ):
        # within 1e-4 Å of the cutoff a function with continuous second derivative has changed by that much at most
        require(abs(before - after) <= 1e-3, f"the {what} jumps at the cutoff, from {before:.6g} to {after:.6g}")


def _three(model: Any, one: AtomsBatch, sign: int) -> tuple[float, float, float]:
    """Energy, slope and curvature of a pair just within or beyond the cutoff."""
    distance = torch.tensor(model.cutoff + sign * 1e-5, dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        second = torch.stack([distance, torch.zeros_like(distance), torch.zeros_like(distance)])
        positions = torch.stack([torch.zeros_like(second), second])
        pair = replace(
            one, numbers=one.numbers.repeat(2), positions=positions, offsets=one.offsets * 2, frame=one.frame.repeat(2), targets={}
        )  # fmt: skip
        energy = model(pair)[0, 0]
        [slope] = torch.autograd.grad(energy, distance, create_graph=True, materialize_grads=True)
        curvature = torch.zeros_like(slope)
        if slope.requires_grad:
            [curvature] = torch.autograd.grad(slope, distance, materialize_grads=True)
    return float(energy.detach()), float(slope.detach()), float(curvature)


def additive(case: ModelCase) -> None:
    """Fragments that are farther apart than anything reaches have the sum of their outputs."""
    model = case.build()
    with torch.no_grad():
        apart = case.sample.batch(case.sample.odd["fragments apart"], case.sample.spec)
        half = len(apart.numbers) // 2
        single = replace(
            apart, numbers=apart.numbers[:half], positions=apart.positions[:half], offsets=apart.offsets // 2, frame=apart.frame[:half],
            targets={},
        )  # fmt: skip
        require_equal(model(apart), 2 * model(single), "the output of two equal fragments apart", tolerance=_TIGHT)


def periodic(case: ModelCase) -> None:
    """A frame that repeats in space: a cell twice as large has twice the output, and atoms may stand in any image of the cell."""
    model = case.build()
    batch = _repeating(case, model.cutoff)
    with torch.no_grad():
        once = model(batch)
        moved = batch.positions.clone()
        moved[0] += batch.cell[0, 0] - 2 * batch.cell[0, 2]
        require_equal(
            model(replace(batch, positions=moved)), once, "the output with an atom in another image", tolerance=_TIGHT
        )
        require_equal(model(_doubled(batch)), 2 * once, "the output of two cells", tolerance=_TIGHT)
        open_ = replace(batch, periodic=torch.zeros_like(batch.periodic), cell=torch.zeros_like(batch.cell))
        require(not torch.allclose(model(open_), once), "a frame that repeats has the output of one that does not")


def stress(case: ModelCase) -> None:
    """The stress times the volume is the central difference of the output by each strain."""
    model = case.build()
    batch = _repeating(case, model.cutoff)
    found = derivatives(model, batch, stress=True).stress
    assert found is not None
    volume = float(torch.linalg.det(batch.cell[0]).abs())
    for row, column in ((0, 0), (0, 1), (1, 2)):
        values = []
        for sign in (-1, 1):
            strain = torch.zeros(3, 3, dtype=torch.float64)
            strain[row, column] += sign * _STEP / 2
            strain[column, row] += sign * _STEP / 2
            turn = torch.eye(3, dtype=torch.float64) + strain
            with torch.no_grad():
                values.append(
                    float(model(replace(batch, positions=batch.positions @ turn, cell=batch.cell @ turn))[0, 0])
                )
        expected = (values[1] - values[0]) / (2 * _STEP) / volume
        here = float(found[0, row, column, 0])
        require(
            abs(here - expected) <= 1e-6 * (1 + abs(expected)),
            f"the stress {here:.8g} is not a derivative, {expected:.8g} is",
        )


def _repeating(case: ModelCase, cutoff: float) -> AtomsBatch:
    """The first frame in a skewed cell that is smaller than the cutoff."""
    batch = case.batch([0])
    size = max(3.2, 0.8 * cutoff)
    cell = torch.tensor([[[size, 0.0, 0.0], [0.4, size, 0.0], [0.0, 0.3, size]]], dtype=torch.float64)
    return replace(batch, cell=cell, periodic=torch.ones(1, 3, dtype=torch.bool), targets={})


def _doubled(batch: AtomsBatch) -> AtomsBatch:
    """Two cells side by side as one."""
    cell = batch.cell.clone()
    cell[0, 0] *= 2
    positions: Tensor = torch.cat([batch.positions, batch.positions + batch.cell[0, 0]])
    return replace(
        batch, numbers=batch.numbers.repeat(2), positions=positions, offsets=batch.offsets * 2, frame=batch.frame.repeat(2), cell=cell
    )  # fmt: skip


MODEL_CHECKS: dict[str, Callable[[ModelCase], None]] = {
    check.__name__: check for check in (forces, smooth_at_cutoff, additive, periodic, stress)
}
