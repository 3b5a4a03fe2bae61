"""Frames as tensors: flat atoms with offsets, positions in Å, energies in eV, forces in eV/Å."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hooke.atoms.frames import Frames

FRAME, ATOM = "frame", "atom"


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
        targets: "frame" → (F, E) energies in eV; "atom" → (A, 3 G) forces in eV/Å, the three components of a method together. NaN where
            nothing was computed.
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

    @property
    def num_items(self) -> int:
        """Frames."""
        return len(self.offsets) - 1

    def to(self, device: torch.device | str) -> AtomsBatch:
        """The same on a device."""
        moved: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "targets"}
        moved = {name: tensor.to(device) for name, tensor in moved.items()}
        return AtomsBatch(**moved, targets={level: tensor.to(device) for level, tensor in self.targets.items()})

    def item_keys(self, axis: str) -> tuple[Tensor, Tensor | None]:
        """What makes frames, and the atoms in them, known wherever they stand: row, and place within the frame."""
        if axis == FRAME:
            return self.rows, None
        return self.rows[self.frame], torch.arange(len(self.frame), device=self.frame.device) - self.offsets[self.frame]


def atoms_batch(
    frames: Frames, rows: np.ndarray, energies: np.ndarray | None = None, dtype: torch.dtype = torch.float32
) -> AtomsBatch:
    """Frames in Å, eV and eV/Å as a batch.

    Args:
        frames: Of `FrameStore.in_units("eV", "angstrom")`.
        rows: (F,) of the store.
        energies: (F, E) float64, already without what isolated atoms contribute: only then may they be rounded to 32 bits. None of
            them are targets without.
        dtype: Of everything that is no integer.
    """

    def tensor(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(values, np.float64)).to(dtype)

    targets = {} if energies is None else {FRAME: tensor(energies)}
    if frames.forces.shape[2]:
        targets[ATOM] = tensor(frames.forces.transpose(0, 2, 1).reshape(len(frames.numbers), -1))
    whole = (frames.numbers, frames.offsets, frames.frame_of_atom, frames.charge, frames.multiplicity, rows)
    numbers, offsets, frame, charge, multiplicity, places = (
        torch.from_numpy(np.array(each, np.int64)) for each in whole
    )
    return AtomsBatch(
        numbers, tensor(frames.positions), offsets, frame, charge, multiplicity, tensor(np.nan_to_num(frames.cell)),
        torch.from_numpy(np.array(frames.periodic)), places, targets,
    )  # fmt: skip
