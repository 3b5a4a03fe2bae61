"""Refinement: of each frame only rotations near the one that it had, on a sampling that is too fine to try them all.

The iteration is that of `engine.em` at any β, its sums over a frame's candidates alone. Pairs of frame and candidate stand in the order of the
candidates, so that a volume is read once for each chunk of rotations; a pair costs its pixels.

Differs from Loh & Elser, who try every rotation at every iteration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hooke.core.errors import UsageError
from hooke.diffraction.engine.em import Engine, Normaliser, State

_PAIR_ELEMENTS = 1 << 22  # of pairs times pixels


class LocalEngine(Engine):
    """`Engine` with candidates.

    Args:
        arguments, options: Of `Engine`.
        candidates: Of each usable frame: places of the rotations that are tried, one or more.

    Raises:
        UsageError: A frame has no candidate, or views would be merged as means (`merge="normalised"`).
    """

    def __init__(self, *arguments: Any, candidates: Sequence[np.ndarray], **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.merge != "counts":
            raise UsageError("refinement merges counts: views near one rotation are no mean of views")
        if len(candidates) != len(self.frames) or not all(len(each) for each in candidates):
            raise UsageError("every usable frame needs a rotation that is tried, or more")
        self.whole = False
        models, orbit = self.expansion.models, len(self.expansion.rotations.orbit)
        rotation = np.concatenate(candidates) if candidates else np.empty(0, np.int64)
        frame = np.repeat(np.arange(len(candidates)), [len(each) for each in candidates])
        base, member = np.divmod(rotation, orbit)
        columns = ((base[:, None] * models + np.arange(models)) * orbit + member[:, None]).ravel()
        frame = np.repeat(frame, models)
        order = np.lexsort((frame, columns))
        self._columns = torch.as_tensor(columns[order], device=self.weights.device)
        self._rows = torch.as_tensor(frame[order], device=self.weights.device)

    def _parts(self, chunk: slice) -> Iterator[slice]:
        """Pairs whose candidates lie in a chunk, a bounded number at a time."""
        ends = torch.tensor([chunk.start, chunk.stop], device=self._columns.device)
        first, last = torch.searchsorted(self._columns, ends).tolist()
        size = max(1, _PAIR_ELEMENTS // max(1, len(self.frames.order)))
        for start in range(first, last, size):
            yield slice(start, min(start + size, last))

    def _photons(self, pairs: slice) -> Tensor:
        """(pairs, T) counts of the frame of each pair."""
        places, inverse = torch.unique(self._rows[pairs], return_inverse=True)
        return self.frames.block(places.cpu().numpy()).matrix()[inverse]

    def _sums(
        self, stacked: Tensor, table: Tensor | None, state: State, sums: Normaliser, beta: float
    ) -> tuple[Tensor, Tensor, float]:
        rows, count = self._rows, len(self.frames)
        logits, exposed = (torch.zeros(len(rows), dtype=torch.float64, device=rows.device) for _ in range(2))
        chunks = [chunk for chunk in self.expansion.chunks() if next(self._parts(chunk), None) is not None]
        for chunk in chunks:
            logs, light = self._prepared(self.expansion.expand(stacked, chunk))
            seen = logs.T.contiguous()
            for pairs in self._parts(chunk):
                own = self._columns[pairs] - chunk.start
                matched = torch.linalg.vecdot(self._photons(pairs)[:, : self.frames.orient], seen[own])
                exposed[pairs] = light[own].double()
                logits[pairs] = matched.double() - state.fluences[rows[pairs]] * exposed[pairs]
        prior = self.log_weights[self._columns].double()
        weighted = prior + beta * logits
        sums.top = sums.top.scatter_reduce(0, rows, weighted, "amax")
        shares = torch.exp(weighted - sums.top[rows])
        sums.mass, sums.logit, sums.exposure = (
            torch.zeros_like(sums.mass).index_add_(0, rows, each)
            for each in (shares, shares * logits, shares * exposed)
        )
        largest = torch.full_like(sums.top, -torch.inf).scatter_reduce(0, rows, prior + logits, "amax")
        total = torch.zeros_like(sums.mass).index_add_(0, rows, torch.exp(prior + logits - largest[rows]))
        sums.full = largest + total.log()
        tops = (weighted == sums.top[rows]).nonzero()[:, 0].flip(0)  # the first of equal ones is written last
        sums.best = torch.zeros(count, dtype=torch.int64, device=rows.device)
        for place in range(0, len(tops), 1 << 20):
            some = tops[place : place + (1 << 20)]
            sums.best[rows[some]] = self._columns[some]
        posteriors = torch.where(shares >= self.threshold, shares / sums.mass[rows], 0.0)
        fluences = self._fluences_of(slice(0, count), sums, state)
        merged = [stacked.new_zeros(self.expansion.models, self.expansion.voxels) for _ in range(2)]
        for chunk in chunks:
            counts = stacked.new_zeros(chunk.stop - chunk.start, len(self.frames.order))
            light = torch.zeros(chunk.stop - chunk.start, dtype=torch.float64, device=rows.device)
            for pairs in self._parts(chunk):
                own, shared = self._columns[pairs] - chunk.start, posteriors[pairs]
                counts.index_add_(0, own, self._photons(pairs) * shared[:, None].to(counts.dtype))
                light.index_add_(0, own, shared * fluences[rows[pairs]])
            exposures = self.weights[:, None] * light[None].to(counts.dtype)
            for target, added in zip(merged, self.expansion.merge_two(counts.T, exposures, chunk), strict=True):
                target += added
        return merged[0], merged[1], float((posteriors > 0).sum())
