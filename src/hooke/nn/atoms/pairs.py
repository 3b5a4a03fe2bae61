"""Pairs of atoms within the cutoff of a network: found, or taken from a list that holds more of them, with their vectors.

Each pair stands once. Networks compute what depends on its distance once and use it in both directions.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hooke.atoms.batch import AtomsBatch, PairList
from hooke.atoms.neighbours import NEAREST, neighbour_pairs
from hooke.core.errors import DataError

_PADDED_ATOMS = 256  # largest frame that is searched as a block of all distances
_PADDED_ENTRIES = 1 << 24  # of such blocks at a time


class CoincidentAtomsError(DataError):
    """Two atoms of a frame are in one place.

    Attributes:
        frame: Its number within the batch.
    """

    def __init__(self, frame: int, row: int) -> None:
        super().__init__(f"two atoms of frame {row} coincide: they are less than {NEAREST} Å apart")
        self.frame = frame


@dataclass(frozen=True)
class Pairs:
    """P pairs of atoms that are nearer than a cutoff.

    Attributes:
        first, second: (P,) atoms.
        vector: (P, 3) from the first to the (image of the) second, Å.
        distance: (P,) Å.
    """

    first: Int[Tensor, " P"]
    second: Int[Tensor, " P"]
    vector: Float[Tensor, "P 3"]
    distance: Float[Tensor, " P"]

    @property
    def targets(self) -> Int[Tensor, " edges"]:
        """(2 P,) the atom that each directed edge arrives at: first the first atoms, then the second ones."""
        return torch.cat([self.first, self.second])

    @property
    def sources(self) -> Int[Tensor, " edges"]:
        """(2 P,) the atom that each directed edge comes from."""
        return torch.cat([self.second, self.first])

    @property
    def directions(self) -> Float[Tensor, "P 3"]:
        """(P, 3) unit vectors."""
        return self.vector / self.distance[:, None]


def pairs_within(batch: AtomsBatch, cutoff: float) -> Pairs:
    """The pairs of a batch that are nearer than the cutoff; positions and cells keep their gradients.

    Args:
        batch: With `pairs` where a list for at least this cutoff is at hand.
        cutoff: Å.

    Raises:
        CoincidentAtomsError: Two atoms of a frame coincide; names the frame.
    """
    found = batch.pairs if batch.pairs is not None and batch.pairs.cutoff >= cutoff else search(batch, cutoff)
    vector = batch.positions.index_select(0, found.second) - batch.positions.index_select(0, found.first)
    if found.shift is not None:
        cells = batch.cell.index_select(0, batch.frame.index_select(0, found.first))
        vector = vector + (found.shift.to(vector.dtype)[:, None, :] @ cells)[:, 0]
    squared = (vector.detach() ** 2).sum(dim=1)
    kept = torch.nonzero(squared < cutoff * cutoff)[:, 0]
    first, second = found.first, found.second
    if len(kept) < len(first):
        first, second, vector, squared = (each.index_select(0, kept) for each in (first, second, vector, squared))
    if len(squared) and bool((squared < NEAREST**2).any()):
        frame = int(batch.frame[first[squared < NEAREST**2][0]])
        raise CoincidentAtomsError(frame, int(batch.rows[frame]))
    return Pairs(first, second, vector, (vector * vector).sum(dim=1).sqrt())


def filtered_sum(
    sent: Float[Tensor, "atoms width"], weights: Float[Tensor, "P width"], pairs: Pairs
) -> Float[Tensor, "atoms width"]:
    """Σ_j sent_j ∘ w_ij over the neighbours j of each atom i; the weights of a pair hold in both directions."""
    forth, back = (sent.index_select(0, atoms) * weights for atoms in (pairs.second, pairs.first))
    return forth.new_zeros(sent.shape).index_add(0, pairs.first, forth).index_add(0, pairs.second, back)


def search(batch: AtomsBatch, cutoff: float) -> PairList:
    """All pairs of a batch within a cutoff."""
    with torch.no_grad():
        counts = batch.offsets.diff()
        most = int(counts.max()) if len(counts) else 0
        if most <= _PADDED_ATOMS and not bool(batch.periodic.any()):
            first, second = _padded(batch, cutoff, most)
            return PairList(first, second, None, cutoff)
        return _listed(batch, cutoff)


def _padded(batch: AtomsBatch, cutoff: float, most: int) -> tuple[Tensor, Tensor]:
    """Blocks of all distances of frames, a number of frames at a time."""
    frames, found = batch.num_items, []
    size = max(1, _PADDED_ENTRIES // max(1, most * most))
    for start in range(0, frames, size):
        stop = min(start + size, frames)
        low, high = int(batch.offsets[start]), int(batch.offsets[stop])
        place = torch.arange(low, high, device=batch.offsets.device) - batch.offsets[batch.frame[low:high]]
        block = batch.positions.new_full((stop - start, most, 3), torch.nan)
        block[batch.frame[low:high] - start, place] = batch.positions[low:high]
        squared = ((block[:, :, None] - block[:, None]) ** 2).sum(dim=-1)
        near = (squared < cutoff * cutoff).triu(diagonal=1)  # false where padded: NaN
        frame, first, second = torch.nonzero(near, as_tuple=True)
        begin = batch.offsets[start:stop][frame]
        found.append((begin + first, begin + second))
    if not found:
        empty = batch.offsets.new_zeros(0)
        return empty, empty
    return torch.cat([each[0] for each in found]), torch.cat([each[1] for each in found])


def _listed(batch: AtomsBatch, cutoff: float) -> PairList:
    """Cell lists, frame by frame."""
    positions, cells = batch.positions.double().cpu().numpy(), batch.cell.double().cpu().numpy()
    periodic, offsets = batch.periodic.cpu().numpy(), batch.offsets.tolist()
    pairs, shifts = [], []
    for frame, (low, high) in enumerate(pairwise(offsets)):
        some, moved = neighbour_pairs(positions[low:high], cutoff, cells[frame], periodic[frame])
        pairs.append(some + low)
        shifts.append(moved)
    both = torch.from_numpy(np.concatenate(pairs)).to(batch.offsets.device)
    shift = torch.from_numpy(np.concatenate(shifts)).to(batch.offsets.device) if periodic.any() else None
    return PairList(both[:, 0].contiguous(), both[:, 1].contiguous(), shift, cutoff)
