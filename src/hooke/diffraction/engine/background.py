"""Expectation and maximisation with a known background: a count is split into what the particle and what the background gave.

    λ_rdt = φ_d ω_t W_rt + b_d B_t,    s_rdt = φ_d ω_t W_rt / λ_rdt
    N_v = Σ a_v(R_r q_t) Σ_d P_rd K_dt s_rdt
    φ_d = Σ_t Σ_r P_rd K_dt s_rdt / Σ_r P_rd Σ_t ω_t W_rt
    b_d = Σ_t Σ_r P_rd K_dt (1 − s_rdt) / Σ_t B_t                           sums of φ and b over pixels that orient

All in closed form: s is the expected share of a count, W, φ and b then maximise what is left, so that at β = 1 the likelihood never falls
where points lie on voxels. φ and b are fixed in the first iteration.

Differs from Dragonfly, which climbs the gradient of W with a background. The logarithm depends on frame and rotation, so that it is
taken for every photon and every rotation: slower than `engine.em` by far, and only where the table of all rotations fits.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hooke.core.errors import UsageError
from hooke.diffraction.engine.em import Engine, Normaliser, State, Step
from hooke.diffraction.engine.frames import Block


class BackgroundEngine(Engine):
    """`Engine` with a background.

    Args:
        arguments, options: Of `Engine`.
        background: (T,) expected counts B of a frame, of the columns of its frames.

    Raises:
        UsageError: The table of all rotations does not fit, or the background is negative or zero everywhere.
    """

    def __init__(self, *arguments: Any, background: np.ndarray, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if not self.whole:
            raise UsageError("with a background the table of all rotations must fit in memory: take a smaller n")
        if not (np.isfinite(background).all() and (background >= 0).all() and background.any()):
            raise UsageError("a background is finite, never negative, and not 0 everywhere")
        self.background = torch.as_tensor(background, dtype=self.weights.dtype, device=self.weights.device)
        self._level = float(self.background[: self.frames.orient].sum(dtype=torch.float64))
        logs = torch.as_tensor(self.frames.constants(np.ones(len(background))), device=self.weights.device)
        self.constants = logs  # − log K!
        self._objects = torch.zeros_like(self.photons)

    def start(self, models: Tensor) -> State:
        """The state before the first iteration."""
        state = super().start(models)
        return replace(state, levels=torch.ones_like(state.fluences))

    def step(self, state: State, *, beta: float | None = None, target: float | None = None) -> tuple[State, Step]:
        """One iteration; see `Engine.step`."""
        new, step = super().step(state, beta=beta, target=target)
        if self._scales(state) and self._level > 0:
            new = replace(new, levels=(self.photons - self._objects) / self._level)
        return new, step

    def _of_frames(self, state: State) -> Tensor:
        return self.constants - _levels(state) * self._level

    def _prepared(self, table: Tensor) -> tuple[Tensor, Tensor]:
        orients = table[: self.frames.orient].clamp(min=self.floor)
        return orients, self.weights[: self.frames.orient] @ orients

    def _logits(self, block: Block, prepared: tuple[Tensor, Tensor], state: State) -> Tensor:
        orients, sums = prepared
        found = orients.new_empty(len(block.places), orients.shape[1])
        for row, place in enumerate(block.places.tolist()):
            columns, counts = block.frame(row)
            columns, counts = columns[columns < self.frames.orient], counts[columns < self.frames.orient]
            expected, behind = self._expected(orients[columns], columns, state, place)
            found[row] = counts @ expected.add_(behind).log_()
        return found.addr_(state.fluences[block.places].to(found.dtype), sums, alpha=-1)

    def _expected(self, read: Tensor, columns: Tensor, state: State, place: int) -> tuple[Tensor, Tensor]:
        """(hit pixels, columns) φ ω W and (hit pixels, 1) b B of a frame."""
        own = read * (self.weights[columns] * float(state.fluences[place]))[:, None]
        return own, (self.background[columns] * float(_levels(state)[place]))[:, None]

    def _fluences(self, sums: Normaliser, state: State) -> Tensor:
        return self._objects * sums.mass / sums.exposure

    def _sums(
        self, stacked: Tensor, table: Tensor | None, state: State, sums: Normaliser, beta: float
    ) -> tuple[Tensor, Tensor, float]:
        assert table is not None
        prepared, kept = self._prepared(table), 0
        counts, exposures = torch.zeros_like(table), table.new_zeros(table.shape[1], dtype=torch.float64)
        for rows in self._blocks(table.shape[1]):
            block = self._block(rows)
            shares = sums.add(rows, self._logits(block, prepared, state), self.log_weights, prepared[1], beta, 0)
            posteriors = shares.mul_(shares >= self.threshold).div_(sums.mass[rows, None].to(shares.dtype))
            kept += int((posteriors > 0).sum())
            for row, place in enumerate(block.places.tolist()):
                columns, photons = block.frame(row)
                likely = posteriors[row].nonzero()[:, 0]
                read = table[columns[:, None], likely].clamp(min=self.floor)
                own, behind = self._expected(read, columns, state, place)
                split = own.div_(own + behind).mul_(photons[:, None]).mul_(posteriors[row, likely])
                counts[columns[:, None], likely] += split
                self._objects[place] = split[columns < self.frames.orient].sum(dtype=torch.float64)
            scaled = self._scales(state)
            fluences = self._fluences(sums, state)[rows] if scaled else state.fluences[rows]
            exposures += fluences @ posteriors.double()
        merged = [stacked.new_zeros(self.expansion.models, self.expansion.voxels) for _ in range(2)]
        for part in self.expansion.chunks():
            exposed = self.weights[:, None] * exposures[None, part].to(table.dtype)
            for target, added in zip(merged, self.expansion.merge_two(counts[:, part], exposed, part), strict=True):
                target += added
        return merged[0], merged[1], float(kept)


def _levels(state: State) -> Tensor:
    assert state.levels is not None
    return state.levels
