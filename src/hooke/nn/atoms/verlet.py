"""Verlet lists: the neighbours of systems that move, found with a skin and kept until an atom has moved half of it.

    kept while max_i |r_i - r_i(found)| ≤ skin / 2

Two atoms outside of cutoff + skin are then still outside of the cutoff. Systems come and go between the calls; each has its own
list, which lasts as long as the system stays and its own atoms stay near.

Source: Verlet 1967 (doi:10.1103/PhysRev.159.98).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from hooke.atoms.batch import AtomsBatch, PairList
from hooke.core.errors import UsageError
from hooke.nn.atoms.pairs import search

SKIN = 0.5  # Å


class VerletLists:
    """The lists of a changing set of systems; `rows` of the batches tell the systems apart. Cells must not change while a system stays.

    Args:
        cutoff: Å.
        skin: Å.

    Attributes:
        searches: How many lists of a system were made so far.

    Raises:
        UsageError: The skin is below 0.
    """

    def __init__(self, cutoff: float, skin: float = SKIN) -> None:
        if not skin >= 0:
            raise UsageError(f"a skin is at least 0 Å, got {skin}")
        self.cutoff, self.skin, self.searches = cutoff, skin, 0
        self._batch: AtomsBatch | None = None  # of the last call, with positions that its lists were made for
        self._pairs: PairList | None = None

    def of(self, batch: AtomsBatch) -> AtomsBatch:
        """The batch with its pairs: all that are nearer than the cutoff, and more."""
        known = self._known(batch)
        moved = batch.positions - known.positions
        still = (moved * moved).sum(dim=1) <= (self.skin / 2) ** 2  # false where nothing is known: NaN
        stale = batch.frame.new_zeros(batch.num_items).index_add(0, batch.frame, (~still).long()) > 0
        if bool(stale.any()):
            self._renew(batch, known, stale)
        return replace(batch, pairs=self._pairs)

    def _known(self, batch: AtomsBatch) -> AtomsBatch:
        """The systems of this batch as they were when their lists were made; NaN where there is no list yet."""
        last = self._batch
        if last is not None and torch.equal(last.rows, batch.rows) and torch.equal(last.offsets, batch.offsets):
            return last
        reference = torch.full_like(batch.positions, torch.nan)
        pairs = _no_pairs(batch, self.cutoff + self.skin)
        if last is not None and self._pairs is not None:
            pairs = self._carried(batch, last, self._pairs, reference)
        self._batch, self._pairs = replace(batch, positions=reference, pairs=None), pairs
        return self._batch

    def _carried(self, batch: AtomsBatch, last: AtomsBatch, pairs: PairList, reference: Tensor) -> PairList:
        """The pairs of systems that stay, with their new numbers; their positions are put into `reference`."""
        places = {row: place for place, row in enumerate(batch.rows.tolist())}
        new = torch.tensor([places.get(row, -1) for row in last.rows.tolist()], device=batch.rows.device)
        stays = new >= 0
        shift = torch.where(stays, batch.offsets[new] - last.offsets[:-1], 0)  # of the numbers of atoms
        atoms = torch.nonzero(stays[last.frame])[:, 0]
        reference[atoms + shift[last.frame[atoms]]] = last.positions[atoms]
        frame = last.frame[pairs.first]
        kept = torch.nonzero(stays[frame])[:, 0]
        by = shift[frame[kept]]
        images = None
        if bool(batch.periodic.any()):
            images = _images(pairs)[kept]
        return PairList(pairs.first[kept] + by, pairs.second[kept] + by, images, pairs.cutoff)

    def _renew(self, batch: AtomsBatch, known: AtomsBatch, stale: Tensor) -> None:
        assert self._pairs is not None
        frames = torch.nonzero(stale)[:, 0]
        atoms = torch.nonzero(stale[batch.frame])[:, 0]
        found = search(batch.select(frames), self.cutoff + self.skin)
        old = torch.nonzero(~stale[batch.frame[self._pairs.first]])[:, 0]
        first = torch.cat([self._pairs.first[old], atoms[found.first]])
        second = torch.cat([self._pairs.second[old], atoms[found.second]])
        images = None
        if bool(batch.periodic.any()):
            images = torch.cat([_images(self._pairs)[old], _images(found)])
        positions = known.positions.clone()
        positions[atoms] = batch.positions[atoms]
        self._batch = replace(known, positions=positions)
        self._pairs = PairList(first, second, images, found.cutoff)
        self.searches += len(frames)


def _no_pairs(batch: AtomsBatch, cutoff: float) -> PairList:
    nothing = batch.offsets.new_zeros(0)
    images = nothing.new_zeros(0, 3) if bool(batch.periodic.any()) else None
    return PairList(nothing, nothing, images, cutoff)


def _images(pairs: PairList) -> Tensor:
    """(P, 3) shifts of the images, 0 where nothing repeats."""
    return pairs.first.new_zeros(len(pairs.first), 3) if pairs.shift is None else pairs.shift
