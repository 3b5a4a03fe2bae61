"""`Potential`: what every network on atoms is, and its derivatives: forces and stress.

    E = Σ_i readout(x_i),    F_i = -∂E/∂r_i,    σ = (1/V) ∂E/∂ε

with the strain ε applied to positions and lattice vectors alike. The sum is what makes energies of distant fragments add.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.atoms.batch import AtomsBatch
from hooke.atoms.spec import FRAME, AtomsSpec
from hooke.core.errors import UsageError
from hooke.core.types import labels_of
from hooke.nn.atoms.pairs import Pairs, pairs_within

ELEMENTS = 100  # rows of a table of elements: atomic numbers 0 to 99


class Potential(nn.Module, ABC):
    """A network from elements and positions to one invariant row an atom, and from it to outputs that are summed over the atoms.

    Args:
        width: Of the rows.
        cutoff: Å; atoms farther apart do not notice each other.
        spec: One output for each of its labels of frames.
        readout: From rows to outputs.

    Raises:
        UsageError: The cutoff is not above 0, or an element has no row in the tables.
    """

    modality = "atoms"
    tail: ClassVar[tuple[str, ...]] = ("readout",)
    gradient_exempt: ClassVar[dict[str, str]] = {
        r"readout\..*": "the embedding is taken before outputs are read from it"
    }

    def __init__(self, width: int, cutoff: float, spec: AtomsSpec, readout: nn.Module) -> None:
        super().__init__()
        if not cutoff > 0:
            raise UsageError(f"a cutoff must be above 0 Å, got {cutoff}")
        if any(number >= ELEMENTS for number in spec.elements):
            raise UsageError(f"elements up to {ELEMENTS - 1} are known to networks, not {max(spec.elements)}")
        self.width, self.cutoff, self.readout = width, cutoff, readout

    @abstractmethod
    def features(self, batch: AtomsBatch, pairs: Pairs) -> Float[Tensor, "atoms width"]:
        """One row an atom, which no rotation, reflection or translation changes."""

    def rows(self, batch: AtomsBatch) -> Float[Tensor, "atoms width"]:
        """The features of a batch, in the precision of the weights."""
        pairs = pairs_within(batch, self.cutoff)
        kind = next(self.parameters()).dtype
        if pairs.distance.dtype != kind:
            pairs = replace(pairs, vector=pairs.vector.to(kind), distance=pairs.distance.to(kind))
        return self.features(batch, pairs)

    def forward(self, batch: AtomsBatch) -> Float[Tensor, "frames outputs"]:
        """Outputs summed over the atoms of each frame."""
        return frame_sum(self.readout(self.rows(batch)), batch)

    def embed(self, batch: AtomsBatch) -> Float[Tensor, "frames width"]:
        """The mean row of the atoms of each frame."""
        rows = self.rows(batch)
        return frame_sum(rows, batch) / batch.offsets.diff()[:, None].to(rows.dtype)


def outputs_of(spec: AtomsSpec) -> int:
    """How many numbers a network of this spec gives a frame; at least one."""
    return max(1, len(labels_of(spec, FRAME)))


def frame_sum(rows: Float[Tensor, "atoms width"], batch: AtomsBatch) -> Float[Tensor, "frames width"]:
    """Sums over the atoms of each frame."""
    return rows.new_zeros(batch.num_items, rows.shape[1]).index_add(0, batch.frame, rows)


class Derivatives(NamedTuple):
    """Energies of a network and their derivatives.

    Attributes:
        energies: (F, M) as the network gives them.
        forces: (A, 3, M) their negative derivative by the positions.
        stress: (F, 3, 3, M) their derivative by the strain over the volume; NaN for frames that do not repeat along all vectors; None if
            nobody asked.
    """

    energies: Tensor
    forces: Tensor
    stress: Tensor | None = None


def derivatives(
    network: Callable[[AtomsBatch], Tensor],
    batch: AtomsBatch,
    *,
    keep_graph: bool = False,
    stress: bool = False,
    columns: int | None = None,
) -> Derivatives:
    """Energies, forces and stress, whatever mode of gradients the caller is in.

    Args:
        network: From batches to (F, M).
        batch: Some frames.
        keep_graph: Whether what is returned can be differentiated again (training).
        stress: Whether it is asked for.
        columns: The first columns of the energies that are differentiated; all by default.
    """
    with torch.enable_grad():
        positions = batch.positions.detach().requires_grad_()
        moved, strain = replace(batch, positions=positions), None
        if stress:
            strain = positions.new_zeros(batch.num_items, 3, 3).requires_grad_()
            symmetric = (strain + strain.transpose(1, 2)) / 2
            shifted = positions + (positions[:, None] @ symmetric[batch.frame])[:, 0]
            moved = replace(batch, positions=shifted, cell=batch.cell + batch.cell @ symmetric)
        energies = network(moved)
        by, forces, stresses = [positions] if strain is None else [positions, strain], [], []
        last = (energies.shape[1] if columns is None else columns) - 1
        for column in range(last + 1):
            found = _gradients(energies[:, column].sum(), by, keep_graph=keep_graph, again=column < last)
            forces.append(-found[0])
            if strain is not None:
                stresses.append(found[1])
    kept = torch.stack(forces, dim=-1) if forces else positions.new_zeros(len(positions), 3, 0)
    of_frames = None
    if stress:
        volume = torch.linalg.det(batch.cell).abs()
        volume = torch.where(batch.periodic.all(dim=1), volume, torch.nan)
        of_frames = torch.stack(stresses, dim=-1) / volume[:, None, None, None]
    if not keep_graph:
        energies = energies.detach()
    return Derivatives(energies, kept, of_frames)


def _gradients(energy: Tensor, by: list[Tensor], *, keep_graph: bool, again: bool) -> tuple[Tensor, ...]:
    """Zeros where nothing depends on positions: atoms that are all alone."""
    if not energy.requires_grad:
        return tuple(torch.zeros_like(each) for each in by)
    return torch.autograd.grad(
        energy, by, create_graph=keep_graph, retain_graph=keep_graph or again, materialize_grads=True
    )
