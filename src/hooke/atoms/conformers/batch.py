"""Molecules with a conformer each as tensors: flat atoms with offsets, bonds, and the factor of their prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hooke.atoms.conformers.graph import FEATURES, MoleculeGraph
from hooke.atoms.etkdg import placed_apart


@dataclass(frozen=True)
class ConformerBatch:
    """F molecules with A atoms together, of which the largest has N.

    Attributes:
        numbers: (A,) atomic numbers.
        features: (A, 10); see `graph.MoleculeGraph`.
        positions: (A, 3) Å: of the conformer, or on the way to it.
        time: (F,) where on the way: 0 at the prior, 1 at the conformer.
        offsets: (F + 1,) molecule i has the atoms offsets[i]:offsets[i + 1].
        frame: (A,) which molecule each atom is of.
        place: (A,) of the atom in its molecule.
        fragment: (A,) of the atom in its molecule, from 0.
        bonds: (2, B) atoms of the batch, each bond once.
        factors: (F, N, N) of the harmonic prior, zero beyond the atoms of a molecule.
        starts: (K, A, 3) Å: other conformers that a path may begin at; K = 0 where there are none.
        rows: (F,) of the store.
        targets: No labels are known.
    """

    numbers: Int[Tensor, " A"]
    features: Float[Tensor, "A 10"]
    positions: Float[Tensor, "A 3"]
    time: Float[Tensor, " F"]
    offsets: Int[Tensor, " ends"]
    frame: Int[Tensor, " A"]
    place: Int[Tensor, " A"]
    fragment: Int[Tensor, " A"]
    bonds: Int[Tensor, "2 B"]
    factors: Float[Tensor, "F N N"]
    starts: Float[Tensor, "K A 3"]
    rows: Int[Tensor, " F"]
    targets: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def num_items(self) -> int:
        """Molecules."""
        return len(self.offsets) - 1

    def to(self, device: torch.device | str) -> ConformerBatch:
        """The same on a device."""
        moved: dict[str, Any] = {
            each.name: getattr(self, each.name).to(device) for each in fields(self) if each.name != "targets"
        }
        return ConformerBatch(**moved, targets={level: tensor.to(device) for level, tensor in self.targets.items()})

    def item_keys(self, axis: str) -> tuple[Tensor, Tensor | None]:
        """Row of the molecule, and place of the atom in it."""
        return (self.rows, None) if axis == "conformer" else (self.rows[self.frame], self.place)

    def padded(self, values: Float[Tensor, "A columns"]) -> Float[Tensor, "F N columns"]:
        """Values of atoms as one block a molecule, zero beyond its atoms."""
        blocks = values.new_zeros(self.num_items, self.factors.shape[1], values.shape[1])
        return blocks.index_put((self.frame, self.place), values)

    def means(self, values: Float[Tensor, "A columns"]) -> Float[Tensor, "F columns"]:
        """Over the atoms of each molecule."""
        sums = values.new_zeros(self.num_items, values.shape[1]).index_add(0, self.frame, values)
        return sums / self.offsets.diff()[:, None].to(values.dtype)

    def centred(self, positions: Float[Tensor, "A 3"]) -> Float[Tensor, "A 3"]:
        """Less the mean of each molecule."""
        return positions - self.means(positions).index_select(0, self.frame)


def conformer_batch(
    graphs: Sequence[MoleculeGraph], positions: Sequence[np.ndarray], rows: np.ndarray, *, starts: Sequence[np.ndarray] = (),
    dtype: torch.dtype = torch.float32,
) -> ConformerBatch:  # fmt: skip
    """Molecules with a conformer each; fragments are put apart.

    Args:
        graphs: F of them.
        positions: F × (atoms, 3) Å.
        rows: (F,) of the store.
        starts: F × (K, atoms, 3) Å, or none.
        dtype: Of all numbers that are not whole.
    """
    counts = np.array([len(graph.features) for graph in graphs], np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    largest = int(counts.max())
    factors = np.zeros((len(graphs), largest, largest))
    fragment = np.zeros(offsets[-1], np.int64)
    for number, graph in enumerate(graphs):
        factors[number, : counts[number], : counts[number]] = graph.factor
        for each, atoms in enumerate(graph.molecule.fragments):
            fragment[offsets[number] + atoms] = each
    bonds = np.concatenate([graph.bonds + start for graph, start in zip(graphs, offsets, strict=False)])
    apart = [
        placed_apart(np.asarray(each, np.float64), graph.molecule.fragments)
        for graph, each in zip(graphs, positions, strict=True)
    ]
    others = np.zeros((0, offsets[-1], 3))
    if len(starts):
        moved = [
            placed_apart(np.asarray(each, np.float64), graph.molecule.fragments)
            for graph, each in zip(graphs, starts, strict=True)
        ]
        others = np.concatenate(moved, axis=1)

    def real(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(dtype)

    def whole(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, np.int64))

    frame = np.repeat(np.arange(len(graphs)), counts)
    batch = ConformerBatch(
        whole(np.concatenate([graph.molecule.numbers for graph in graphs])),
        real(np.concatenate([graph.features for graph in graphs]).reshape(-1, FEATURES)), real(np.concatenate(apart)),
        torch.ones(len(graphs), dtype=dtype), whole(offsets), whole(frame), whole(np.arange(offsets[-1]) - offsets[frame]), whole(fragment),
        whole(bonds.T.reshape(2, -1)), real(factors), real(others), whole(np.asarray(rows)),
    )  # fmt: skip
    centred = batch.centred(batch.positions)
    starts_centred = torch.stack([batch.centred(each) for each in batch.starts]) if len(batch.starts) else batch.starts
    return ConformerBatch(**{**vars(batch), "positions": centred, "starts": starts_centred})
