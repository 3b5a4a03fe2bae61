"""Frames as tensors: flat atoms with offsets, positions in Å, energies in eV, forces in eV/Å."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hooke.atoms.frames import Frames
from hooke.atoms.spec import ATOM, FRAME


@dataclass(frozen=True)
class PairList:
    """Pairs of atoms, each once, that include all nearer than a cutoff.

    Attributes:
        first, second: (P,) atoms of the batch.
        shift: (P, 3) in how many lattice vectors the image of the second atom is shifted; None where nothing repeats.
        cutoff: Å.
    """

    first: Int[Tensor, " P"]
    second: Int[Tensor, " P"]
    shift: Int[Tensor, "P 3"] | None
    cutoff: float

    def to(self, device: torch.device | str) -> PairList:
        """The same on a device."""
        shift = None if self.shift is None else self.shift.to(device)
        return PairList(self.first.to(device), self.second.to(device), shift, self.cutoff)


@dataclass(frozen=True)
class AtomsBatch:
    """F frames with A atoms together.

    Attributes:
        numbers: (A,) atomic numbers.
        positions: (A, 3) in Å.
        offsets: (F + 1,) frame i has the atoms offsets[i]:offsets[i + 1].
        frame: (A,) which frame each atom is of.
        charge: (F,) in elementary charges.
        multiplicity: (F,) of the spin; 0 = not stated.
        cell: (F, 3, 3) in Å, rows are the lattice vectors; zero where nothing repeats.
        periodic: (F, 3).
        rows: (F,) of the store.
        targets: "frame" → (F, E + P) float64 energies in eV and other properties; "atom" → (A, 3 G) forces in eV/Å, the three
            components of a method together. NaN where nothing was computed.
        pairs: Neighbours, where somebody has them: networks then do not search.
    """

    numbers: Int[Tensor, " A"]
    positions: Float[Tensor, "A 3"]
    offsets: Int[Tensor, " ends"]
    frame: Int[Tensor, " A"]
    charge: Int[Tensor, " F"]
    multiplicity: Int[Tensor, " F"]
    cell: Float[Tensor, "F 3 3"]
    periodic: Bool[Tensor, "F 3"]
    rows: Int[Tensor, " F"]
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    pairs: PairList | None = None

    @property
    def num_items(self) -> int:
        """Frames."""
        return len(self.offsets) - 1

    def to(self, device: torch.device | str) -> AtomsBatch:
        """The same on a device."""
        moved: dict[str, Any] = {
            each.name: getattr(self, each.name).to(device)
            for each in fields(self)
            if each.name != "targets" and getattr(self, each.name) is not None
        }
        return AtomsBatch(**moved, targets={level: tensor.to(device) for level, tensor in self.targets.items()})

    def select(self, frames: Int[Tensor, " some"]) -> AtomsBatch:
        """Some of the frames in this order, without targets and pairs."""
        counts = self.offsets.diff()[frames]
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        frame = torch.repeat_interleave(counts)
        atoms = torch.arange(len(frame), device=frame.device) - offsets[frame] + self.offsets[frames][frame]
        return AtomsBatch(
            self.numbers[atoms], self.positions[atoms], offsets, frame, self.charge[frames], self.multiplicity[frames],
            self.cell[frames], self.periodic[frames], self.rows[frames],
        )  # fmt: skip

    @classmethod
    def joined(cls, parts: Sequence[AtomsBatch]) -> AtomsBatch:
        """All frames of some batches, in order, without targets and pairs."""
        counts = torch.cat([part.offsets.diff() for part in parts])
        names = ("numbers", "positions", "charge", "multiplicity", "cell", "periodic", "rows")
        flat: dict[str, Any] = {name: torch.cat([getattr(part, name) for part in parts]) for name in names}
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        return cls(**flat, offsets=offsets, frame=torch.repeat_interleave(counts))

    def item_keys(self, axis: str) -> tuple[Tensor, Tensor | None]:
        """What makes frames, and the atoms in them, known wherever they stand: row, and place within the frame."""
        if axis == FRAME:
            return self.rows, None
        return self.rows[self.frame], torch.arange(len(self.frame), device=self.frame.device) - self.offsets[self.frame]


def atoms_batch(
    frames: Frames,
    rows: np.ndarray,
    targets: Mapping[str, np.ndarray] | None = None,
    dtype: torch.dtype = torch.float32,
) -> AtomsBatch:
    """Frames in Å as a batch.

    Args:
        frames: Of `FrameStore.in_units("eV", "angstrom")`.
        rows: (F,) of the store.
        targets: Level → values; energies stay float64, since 32 bits would take millielectronvolts off total ones, and the others take
            `dtype`.
        dtype: Of positions, cells and targets of atoms.
    """

    def tensor(values: np.ndarray, kind: torch.dtype = dtype) -> Tensor:
        return torch.from_numpy(np.array(values, np.float64)).to(kind)

    kinds = {FRAME: torch.float64, ATOM: dtype}
    whole = (frames.numbers, frames.offsets, frames.frame_of_atom, frames.charge, frames.multiplicity, rows)
    numbers, offsets, frame, charge, multiplicity, places = (
        torch.from_numpy(np.array(each, np.int64)) for each in whole
    )
    return AtomsBatch(
        numbers, tensor(frames.positions), offsets, frame, charge, multiplicity, tensor(np.nan_to_num(frames.cell)),
        torch.from_numpy(np.array(frames.periodic)), places,
        {level: tensor(values, kinds[level]) for level, values in (targets or {}).items()},
    )  # fmt: skip


def force_targets(frames: Frames, methods: Sequence[int] | np.ndarray) -> np.ndarray:
    """(A, 3 G) forces of some methods, the three components of each together."""
    return frames.forces[..., np.asarray(methods, np.int64)].transpose(0, 2, 1).reshape(len(frames.numbers), -1)
