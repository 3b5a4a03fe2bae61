"""Profiles, and conditions with their responses, as tensors. The one file of this folder that knows torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hooke.cells.perturbations import MICROMOLAR
from hooke.cells.response_spec import LEVEL as RESPONSE
from hooke.cells.targets import LEVEL

if TYPE_CHECKING:
    from hooke.cells.conditions import Conditions
    from hooke.cells.response_spec import ResponseSpec


@dataclass(frozen=True)
class ProfileBatch:
    """`B` profiles of `d` features.

    Attributes:
        values: (B, d) as measured; what is missing is NaN.
        rows: (B,) int64, the row of each profile in its store.
        targets: "profile" → (B, labels) float32, one column a label of `ProfileSpec.labels`: classes count from 0, NaN = not known;
            empty where nothing is known.
        batch_index: (B,) int64, which experimental batch each profile belongs to (numbers from `ProfileSpec.batches`, -1 for others), or
            None when that is not known.
    """

    values: Float[Tensor, "profiles features"]
    rows: Int[Tensor, " profiles"]
    targets: Mapping[str, Tensor] = field(default_factory=dict)
    batch_index: Int[Tensor, " profiles"] | None = None

    @property
    def num_items(self) -> int:
        """Number of profiles."""
        return len(self.values)

    def item_keys(self, axis: str) -> tuple[Tensor, Tensor | None]:
        """See `core.types.Batch`; the one axis is profiles."""
        return self.rows, None

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> ProfileBatch:
        """The same batch on another device."""

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=non_blocking)

        return replace(
            self,
            values=move(self.values),
            rows=move(self.rows),
            targets={name: move(tensor) for name, tensor in self.targets.items()},
            batch_index=None if self.batch_index is None else move(self.batch_index),
        )

    def select(self, chosen: Tensor | slice) -> ProfileBatch:
        """Some of the profiles, with all that is known about them."""
        return replace(
            self,
            values=self.values[chosen],
            rows=self.rows[chosen],
            targets={name: tensor[chosen] for name, tensor in self.targets.items()},
            batch_index=None if self.batch_index is None else self.batch_index[chosen],
        )


def profile_batch(
    values: np.ndarray, rows: np.ndarray, targets: np.ndarray | None = None, batch_index: np.ndarray | None = None
) -> ProfileBatch:
    """Arrays as a batch.

    Args:
        values: (B, d) float32.
        targets: (B, labels); None where nothing is known.
        rows, batch_index: As in `ProfileBatch`.
    """
    return ProfileBatch(
        torch.from_numpy(np.array(values, dtype=np.float32)),
        torch.from_numpy(np.array(rows, dtype=np.int64)),
        {} if targets is None else {LEVEL: torch.from_numpy(np.array(targets, dtype=np.float32))},
        None if batch_index is None else torch.from_numpy(np.array(batch_index, dtype=np.int64)),
    )


@dataclass(frozen=True)
class ResponseBatch:
    """`B` conditions: what was done to which cells, and what came of it.

    Attributes:
        nodes: (n,) int64 perturbed genes of all conditions, one condition after the other: nodes of the spec's graph. Genes that it does not
            know are not among them.
        offsets: (B + 1,) int64; nodes offsets[i]:offsets[i + 1] belong to condition i.
        known: (B,) bool: the model can know something of all that was done.
        control: (B, g) float32 mean control profile of the context.
        compound: (B,) int64 which of the compounds of the batch; -1 for none.
        exposure: (B, 5) float32: log10 of the dose, whether it is known, whether it is in ug/mL (else uM); log10 of the hours, whether they
            are known.
        compounds: The different compounds, as a batch of molecules; None without any.
        genes: Nodes of the spec's graph.
        rows: (B,) int64, the row of each condition in its store.
        targets: "response" → (B, g) float32 changes from control, NaN = not measured; empty where nothing is known.
    """

    nodes: Int[Tensor, " perturbed"]
    offsets: Int[Tensor, " conditions_plus_one"]
    known: Tensor
    control: Float[Tensor, "conditions readouts"]
    compound: Int[Tensor, " conditions"]
    exposure: Float[Tensor, "conditions 5"]
    compounds: Any
    genes: int
    rows: Int[Tensor, " conditions"]
    targets: Mapping[str, Float[Tensor, "conditions readouts"]] = field(default_factory=dict)

    @property
    def num_items(self) -> int:
        """Number of conditions."""
        return len(self.rows)

    def item_keys(self, axis: str) -> tuple[Tensor, Tensor | None]:
        """See `core.types.Batch`; the axes are conditions, and those of the molecules."""
        if axis == "conditions":
            return self.rows, None
        if self.compounds is None:
            return self.rows[:0], None
        keys: tuple[Tensor, Tensor | None] = self.compounds.item_keys(axis)
        return keys

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> ResponseBatch:
        """The same batch on another device."""
        moved = {
            name: value.to(device, non_blocking=non_blocking)
            for name, value in vars(self).items()
            if hasattr(value, "to")
        }
        targets = {name: tensor.to(device, non_blocking=non_blocking) for name, tensor in self.targets.items()}
        return replace(self, **moved, targets=targets)


def response_batch(
    conditions: Conditions, spec: ResponseSpec, rows: np.ndarray, targets: np.ndarray | None = None, *, smiles: Sequence[str] = (),
    compounds: Any = None, known: Sequence[str] = (),
) -> ResponseBatch:  # fmt: skip
    """Conditions as a batch.

    Args:
        conditions: (B,) in contexts of the spec.
        spec: Of the network.
        rows: As in `ResponseBatch`.
        targets: (B, g); None where nothing is known.
        smiles: (B,) structures of compounds; "" of genes. May be missing where there are genes alone.
        compounds: The structures of `known` as a batch of molecules.
        known: Structures that could be read.
    """
    place, number = spec.graph.place, {text: row for row, text in enumerate(known)}
    where = {name: row for row, name in enumerate(spec.contexts)}
    nodes, lengths, sure, compound = [], [], [], []
    exposure = np.zeros((len(conditions), 5), np.float32)
    for row, (each, parts) in enumerate(zip(conditions.perturbations, conditions.parts, strict=True)):
        own = [place[gene] for gene in parts if gene in place] if each.treatment is None else []
        nodes += own
        lengths.append(len(own))
        if each.treatment is None:
            compound.append(-1)
            sure.append(not spec.unknown(parts))
            continue
        compound.append(number.get(smiles[row], -1) if smiles else -1)
        sure.append(compound[-1] >= 0)
        dose, hours = each.treatment.dose, each.treatment.hours
        if dose is not None:
            exposure[row, :3] = np.log10(dose), 1, each.treatment.unit != MICROMOLAR
        if hours is not None:
            exposure[row, 3:] = np.log10(hours), 1
    controls = spec.controls[[where[context] for context in conditions.contexts]]
    return ResponseBatch(
        torch.tensor(nodes, dtype=torch.int64),
        torch.from_numpy(np.cumsum([0, *lengths], dtype=np.int64)),
        torch.tensor(sure, dtype=torch.bool),
        torch.from_numpy(controls.astype(np.float32)),
        torch.tensor(compound, dtype=torch.int64),
        torch.from_numpy(exposure),
        compounds,
        len(spec.graph),
        torch.from_numpy(np.array(rows, dtype=np.int64)),
        {} if targets is None else {RESPONSE: torch.from_numpy(np.array(targets, dtype=np.float32))},
    )
