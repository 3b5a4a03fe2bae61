"""`ProfileBatch`: profiles and what is known about them as tensors. The one file of this folder that knows torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hooke.cells.targets import LEVEL


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
