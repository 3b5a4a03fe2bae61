"""One iteration of expectation and maximisation: posteriors of rotations, then the intensity that makes the frames likeliest.

    λ_rdt = φ_d ω_t W(R_r q_t),    L_rd = Σ_t [K_dt log λ_rdt − λ_rdt]                 t over pixels that orient
    P_rd ∝ w_r exp(β L_rd)                                                            w_r is not taken to the power β
    φ_d = Σ_t K_dt / Σ_r P_rd Σ_t ω_t W_rt, then scaled to mean 1                     fixed in the first iteration
    N_v = Σ a_v(R_r q_t) Σ_d P_rd K_dt,  E_v = Σ a_v(R_r q_t) ω_t Σ_d P_rd φ_d        t over merged pixels
    W = N / E

W and φ are maximised one after the other, so that at β = 1 the likelihood never falls where points lie on voxels. Voxels that nothing saw
keep their value. Posteriors below `threshold` of a frame's largest are skipped in N and E alike. With a background (`engine.background`),
λ gains b_d B_t.

Where the table of all rotations fits, frames go through it block by block. Else blocks of rotations are gone through twice: for the
normaliser of every frame, then for the sums. An iteration exchanges two volumes and a few scalars between processes.

Source: Loh & Elser, Phys. Rev. E 80, 026705 (2009); Loh et al., Phys. Rev. Lett. 104, 225501 (2010) (fluence); Ekeberg, Engblom & Liu,
arXiv 1409.4256 (frames divided over accelerators).
Differs from the paper: counts and exposures are merged apart and divided once (`merge="counts"`), which is the maximum; the mean of
normalised views, which weighs rare views like frequent ones, is `merge="normalised"`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hooke.core.errors import UnknownNameError
from hooke.diffraction.engine.annealing import beta_of
from hooke.diffraction.engine.expansion import Expansion, weighted_rows
from hooke.diffraction.engine.frames import Block, Frames

MERGES = ("counts", "normalised")
TABLES = 3  # of pixels by columns: W, its logarithm, merged counts
_BLOCK_ELEMENTS = 1 << 22  # of frames times columns
_FEW = 0.03  # share of posteriors kept below which they are merged one by one
_HELD = 1 << 27  # elements of frames times pixels that are held for that

Symmetrise = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class State:
    """What an iteration starts from, and all that a checkpoint holds.

    Attributes:
        models: (models, side, side, side) intensities W.
        seen: (models, side, side, side) bool: whether a pixel has ever fallen on the voxel.
        fluences: (usable frames of this process,) φ.
        iteration: How many have been done.
        levels: (usable frames of this process,) b of the background (`engine.background`); None without one.
    """

    models: Tensor
    seen: Tensor
    fluences: Tensor
    iteration: int = 0
    levels: Tensor | None = None


@dataclass(frozen=True)
class Step:
    """What an iteration found.

    Attributes:
        beta: Power of the posteriors.
        information: Nats a frame, at β.
        log_likelihood: A frame, at β = 1, of the model that the iteration started from.
        change: Root mean square of the change of W over the mean of W.
        kept: Share of posteriors that were not skipped.
        exchanged: Bytes that this process gave to the others.
        best: (usable frames of this process,) likeliest column of each.
        probability: Its posterior at β.
        likelihoods: Log-likelihood of each frame.
        exposures: (models, side, side, side) what the counts of each voxel were divided by, of all processes.
    """

    beta: float
    information: float
    log_likelihood: float
    change: float
    kept: float
    exchanged: int
    best: np.ndarray
    probability: np.ndarray
    likelihoods: np.ndarray
    exposures: Tensor


def friedel(counts: Tensor, exposures: Tensor) -> tuple[Tensor, Tensor]:
    """Friedel mates as one, of (models, side, side, side) each: I(−q) = I(q)."""
    return counts + counts.flip(1, 2, 3), exposures + exposures.flip(1, 2, 3)


class Normaliser:
    """Sums over the columns of every frame, added up chunk by chunk so that no exponential overflows."""

    def __init__(self, count: int, like: Tensor) -> None:
        wide = {"dtype": torch.float64, "device": like.device}
        self.top = torch.full((count,), -torch.inf, **wide)  # type: ignore[call-overload]
        self.mass, self.logit, self.exposure = (torch.zeros(count, **wide) for _ in range(3))  # type: ignore[call-overload]
        self.full = torch.full((count,), -torch.inf, **wide)  # type: ignore[call-overload]
        self.best = torch.zeros(count, dtype=torch.int64, device=like.device)

    def add(self, rows: slice, logits: Tensor, log_weights: Tensor, sums: Tensor, beta: float, first: int) -> Tensor:
        """Add the columns of a chunk for some frames.

        Args:
            rows: The frames.
            logits: (frames, columns) L.
            log_weights: (columns,) log w.
            sums: (columns,) Σ_t ω_t W_rt.
            beta: Power.
            first: Place of the first column.

        Returns:
            (frames, columns) w exp(βL) over the largest so far.
        """
        weighted = torch.add(log_weights, logits, alpha=beta)
        largest, place = weighted.max(1)
        top = torch.maximum(self.top[rows], largest.double())
        self.best[rows] = torch.where(largest > self.top[rows], place + first, self.best[rows])
        shrink = torch.exp(self.top[rows] - top)
        shares = weighted.sub_(top[:, None].to(weighted.dtype)).exp_()
        for kept, new in (
            (self.mass, shares.sum(1)),
            (self.logit, torch.linalg.vecdot(shares, logits)),
            (self.exposure, shares @ sums),
        ):
            kept[rows] = kept[rows] * shrink + new.double()
        self.top[rows] = top
        whole = self.mass[rows].log() + top if beta == 1 else torch.logsumexp(logits + log_weights, 1).double()
        self.full[rows] = whole if beta == 1 else torch.logaddexp(self.full[rows], whole)
        return shares

    def shares(self, rows: slice, logits: Tensor, log_weights: Tensor, beta: float) -> Tensor:
        """(frames, columns) w exp(βL) over the largest, once all chunks have been added."""
        top = self.top[rows, None].to(logits.dtype)
        return torch.add(log_weights, logits, alpha=beta).sub_(top).exp_()

    def information(self, beta: float) -> Tensor:
        """(frames,) Σ P log(P / w)."""
        return beta * self.logit / self.mass - (self.mass.log() + self.top)


class Engine:
    """Iterations on one set of frames.

    Args:
        frames: Of this process.
        weights: (T,) solid angle times polarisation of `frames.order`.
        expansion: Of the points of `frames.order`.
        merge: "counts" or "normalised".
        scaling: Whether fluences are estimated.
        threshold: Posteriors below this share of a frame's largest are skipped.
        floor: Least W, in expected photons a pixel.
        symmetrise: (counts, exposures), each (models, side, side, side) → the same before they are divided; `friedel` adds mates.
        sample: Place of each frame (`frames.usable`) that is asked for β; all processes together ask a few.
        table_bytes: What tables of all rotations may take; beyond, blocks of rotations are gone through twice.
        total: Sum over processes, whose frames differ.
    """

    def __init__(
        self, frames: Frames, weights: np.ndarray, expansion: Expansion, *, merge: str = "counts", scaling: bool = True,
        threshold: float = 1e-6, floor: float = 1e-4, symmetrise: Symmetrise = lambda counts, exposures: (counts, exposures),
        sample: np.ndarray | None = None, table_bytes: int = 1 << 31, total: Callable[[Tensor], Tensor] = lambda values: values,
    ) -> None:  # fmt: skip
        if merge not in MERGES:
            raise UnknownNameError("merge", merge, MERGES)
        self.frames, self.expansion, self.merge, self.scaling = frames, expansion, merge, scaling
        self.threshold, self.floor, self.symmetrise = threshold, floor, symmetrise
        self.sample = np.arange(0, len(frames), max(1, len(frames) // 64)) if sample is None else sample
        self.weights = torch.as_tensor(weights, dtype=expansion.dtype, device=expansion.device)
        self.log_weights = expansion.log_weights()
        self.constants = torch.as_tensor(frames.constants(weights), device=expansion.device)
        self.photons = torch.as_tensor(frames.photons, device=expansion.device)
        element = torch.empty((), dtype=expansion.dtype).element_size()
        self.whole = TABLES * len(frames.order) * expansion.columns * element <= table_bytes
        self.exchanged = 0
        self._sum = total

    def start(self, models: Tensor) -> State:
        """The state before the first iteration, of (models, side, side, side) intensities."""
        fluences = torch.ones(len(self.frames), dtype=torch.float64, device=self.expansion.device)
        return State(models, torch.zeros_like(models, dtype=torch.bool), fluences)

    def step(self, state: State, *, beta: float | None = None, target: float | None = None) -> tuple[State, Step]:
        """One iteration.

        Args:
            state: To start from.
            beta: Power of the posteriors; None takes the one at which frames give `target` nats.
            target: Information; None is β = 1.
        """
        self.exchanged = 0
        stacked = self.expansion.stacked(state.models)
        table = self._table(stacked) if self.whole else None
        if beta is None:
            beta = 1.0 if target is None else self._beta(target, stacked, table, state)
        sums = Normaliser(len(self.frames), self.log_weights)
        counts, exposures, kept = self._sums(stacked, table, state, sums, beta)
        objects = self._fluences(sums, state) if self._scales(state) else state.fluences
        everything = self._total(torch.stack([counts, exposures]))
        likelihoods = sums.full + self._of_frames(state)
        scalars = [
            float(len(self.frames)),
            float(objects.sum()),
            float(sums.information(beta).sum()),
            float(likelihoods.sum()),
            kept,
        ]
        number, fluence, information, likelihood, pairs = self._total(
            torch.tensor(scalars, dtype=torch.float64, device=self.expansion.device)
        ).tolist()
        mean = fluence / number
        counts, exposures = self.symmetrise(*(part.reshape(state.models.shape) for part in everything))
        seen = exposures > 0
        ratio = counts / torch.where(seen, exposures, 1) * mean
        models = torch.where(seen, ratio.clamp(min=self.floor), state.models)
        change = float((models - state.models).square().mean().sqrt() / state.models.mean())
        step = Step(
            beta, information / number, likelihood / number, change, pairs / (number * self.expansion.columns), self.exchanged,
            sums.best.cpu().numpy(), (1 / sums.mass).cpu().numpy(), likelihoods.cpu().numpy(), exposures,
        )  # fmt: skip
        return replace(
            state, models=models, seen=state.seen | seen, fluences=objects / mean, iteration=state.iteration + 1
        ), step

    def _of_frames(self, state: State) -> Tensor:
        """(frames,) what of the log-likelihood depends on no rotation."""
        return self.constants + self.photons * state.fluences.log()

    def _scales(self, state: State) -> bool:
        return self.scaling and state.iteration > 0

    def _fluences(self, sums: Normaliser, state: State) -> Tensor:
        return self.photons * sums.mass / sums.exposure

    def _total(self, values: Tensor) -> Tensor:
        self.exchanged += values.numel() * values.element_size()
        return self._sum(values)

    def _table(self, stacked: Tensor) -> Tensor:
        """(T, columns) W of all rotations."""
        found = stacked.new_empty(len(self.frames.order), self.expansion.columns)
        for chunk in self.expansion.chunks():
            found[:, chunk] = self.expansion.expand(stacked, chunk)
        return found

    def _prepared(self, table: Tensor) -> tuple[Tensor, Tensor]:
        """Of W: its logarithm on pixels that orient, and Σ_t ω_t W_rt over them."""
        orients = table[: self.frames.orient].clamp(min=self.floor)
        return orients.log(), self.weights[: self.frames.orient] @ orients

    def _logits(self, block: Block, prepared: tuple[Tensor, Tensor], state: State) -> Tensor:
        """(frames, columns) L without what depends on the frame alone."""
        logs, sums = prepared
        fluences = state.fluences[block.places].to(logs.dtype)
        return block.times(logs).addr_(fluences, sums, alpha=-1)

    def _chunks(self, stacked: Tensor, table: Tensor | None) -> list[slice]:
        return [slice(0, self.expansion.columns)] if table is not None else list(self.expansion.chunks())

    def _beta(self, target: float, stacked: Tensor, table: Tensor | None, state: State) -> float:
        block, logits = self.frames.block(self.sample), []
        for chunk in self._chunks(stacked, table):
            prepared = self._prepared(self.expansion.expand(stacked, chunk) if table is None else table)
            logits.append(self._logits(block, prepared, state))
        whole = torch.cat(logits, 1)

        def mean(values: Tensor) -> float:
            both = torch.stack([values.sum(), values.new_tensor(float(len(values)))])
            summed, number = self._total(both).tolist()
            return summed / number

        return beta_of(target, whole, self.log_weights, mean)

    def _blocks(self, columns: int) -> list[slice]:
        size = max(16, _BLOCK_ELEMENTS // max(1, columns))
        return [slice(first, min(first + size, len(self.frames))) for first in range(0, len(self.frames), size)]

    def _sums(
        self, stacked: Tensor, table: Tensor | None, state: State, sums: Normaliser, beta: float
    ) -> tuple[Tensor, Tensor, float]:
        """Merged counts and exposures (models, voxels), and how many posteriors were kept; fills the normalisers."""
        merged = [stacked.new_zeros(self.expansion.models, self.expansion.voxels) for _ in range(2)]
        kept = 0
        chunks = self._chunks(stacked, table)
        if table is None:
            for chunk in chunks:
                prepared = self._prepared(self.expansion.expand(stacked, chunk))
                for rows in self._blocks(chunk.stop - chunk.start):
                    logits = self._logits(self._block(rows), prepared, state)
                    sums.add(rows, logits, self.log_weights[chunk], prepared[1], beta, chunk.start)
        for chunk in chunks:
            read = self.expansion.expand(stacked, chunk) if table is None else table
            prepared = self._prepared(read)
            gathered = _Gathered(self, read)
            for rows in self._blocks(chunk.stop - chunk.start):
                block = self._block(rows)
                logits = self._logits(block, prepared, state)
                if table is None:
                    shares = sums.shares(rows, logits, self.log_weights[chunk], beta)
                else:
                    shares = sums.add(rows, logits, self.log_weights, prepared[1], beta, 0)
                fluences = self._fluences_of(rows, sums, state)
                kept += gathered.add(
                    block, shares.div_(sums.mass[rows, None].to(shares.dtype)), fluences, sums.mass[rows]
                )
            for target, part in zip(merged, gathered.merged(chunk), strict=True):
                target += part
        return merged[0], merged[1], float(kept)

    def _fluences_of(self, rows: slice, sums: Normaliser, state: State) -> Tensor:
        """(frames,) φ that exposures are counted with: already the new ones."""
        if not self._scales(state):
            return state.fluences[rows]
        return self.photons[rows] * sums.mass[rows] / sums.exposure[rows]

    def _block(self, rows: slice) -> Block:
        return self.frames.block(np.arange(rows.start, rows.stop))


class _Gathered:
    """Counts and exposures of a chunk of rotations, while blocks of frames come in."""

    def __init__(self, engine: Engine, like: Tensor) -> None:
        self._engine, self._expansion = engine, engine.expansion
        self._counts = torch.zeros_like(like)
        self._exposures = like.new_zeros(like.shape[1], dtype=torch.float64)
        self._pending: list[tuple[Tensor, Tensor, Tensor]] = []  # frames' matrix, columns with its rows, posteriors
        self._held = 0

    def add(self, block: Block, posteriors: Tensor, fluences: Tensor, mass: Tensor) -> int:
        """Add frames; returns how many posteriors were kept."""
        limit = (self._engine.threshold / mass).to(posteriors.dtype)
        keep = posteriors >= limit[:, None]
        kept = int(keep.sum())
        if kept > _FEW * keep.numel() or not block.dense:
            posteriors.mul_(keep)
            self._exposures += (
                fluences @ posteriors.double()
                if posteriors.dtype == torch.float64
                else (fluences.to(posteriors.dtype) @ posteriors).double()
            )
            block.add_to(self._counts, posteriors)
            return kept
        rows, columns = keep.nonzero(as_tuple=True)
        values = posteriors[rows, columns]
        self._exposures.index_add_(0, columns, values.double() * fluences[rows])
        self._pending.append((block.matrix(), torch.stack([rows, columns]), values))
        self._held += len(block.places) * block.pixels
        if self._held > _HELD:
            self._flush()
        return kept

    def _flush(self) -> None:
        """Add pending frames, each only where its posteriors are."""
        if not self._pending:
            return
        sizes = torch.tensor([0, *(len(matrix) for matrix, _, _ in self._pending[:-1])]).cumsum(0).tolist()
        rows = torch.cat([places[0] + first for first, (_, places, _) in zip(sizes, self._pending, strict=True)])
        columns = torch.cat([places[1] for _, places, _ in self._pending])
        values = torch.cat([values for _, _, values in self._pending])
        order = torch.argsort(columns, stable=True)
        found, lengths = torch.unique_consecutive(columns[order], return_counts=True)
        starts = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)]).int()
        added = weighted_rows(
            torch.cat([matrix for matrix, _, _ in self._pending]), rows[order].int(), starts, values[order]
        )
        self._counts[:, found] += added.T
        self._pending, self._held = [], 0

    def merged(self, chunk: slice) -> tuple[Tensor, Tensor]:
        """(models, voxels) counts and exposures of the chunk."""
        self._flush()
        weights, exposures = self._engine.weights, self._exposures.to(self._counts.dtype)
        found = [self._counts.new_zeros(self._expansion.models, self._expansion.voxels) for _ in range(2)]
        for part in self._expansion.chunks():
            if not chunk.start <= part.start < chunk.stop:
                continue
            inside = slice(part.start - chunk.start, part.stop - chunk.start)
            counts, exposed = self._counts[:, inside], weights[:, None] * exposures[None, inside]
            if self._engine.merge == "normalised":
                viewed = exposed > 0
                counts, exposed = counts / torch.where(viewed, exposed, 1), viewed.to(counts.dtype)
            for target, added in zip(found, self._expansion.merge_two(counts, exposed, part), strict=True):
                target += added
        return found[0], found[1]
