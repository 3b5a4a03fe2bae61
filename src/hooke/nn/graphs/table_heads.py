"""Heads of one level of which several tables have their own: in the place of one `Head` for all labels of the level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.heads import Head
from hooke.nn.graphs.output import MoleculeOutput


class TableHeads(nn.Module):
    """The heads side by side: raw outputs and statistics in the order of all labels.

    Args:
        heads: One a table or group of tables.
        labels: Of each head the places of its labels among those of the level.
        outputs: Of each head the places of its raw outputs among those of the level.

    Attributes:
        mean, std, log_variance, positive_weight: As of `Head`, of all labels.
    """

    _labels: Tensor
    _outputs: Tensor

    def __init__(
        self, heads: Sequence[Head], labels: Sequence[Sequence[int]], outputs: Sequence[Sequence[int]]
    ) -> None:
        super().__init__()
        self.heads = nn.ModuleList(heads)
        for name, places in (("labels", labels), ("outputs", outputs)):
            order = torch.tensor([place for part in places for place in part]).argsort()
            self.register_buffer(f"_{name}", order, persistent=False)

    def _each(self) -> list[Head]:
        return cast(list[Head], list(self.heads))

    def _of_labels(self, parts: list[Tensor | None]) -> Tensor | None:
        found = [part for part in parts if part is not None]
        return torch.cat(found)[self._labels] if found else None

    @property
    def mean(self) -> Tensor:
        """(labels,) see `Head.mean`."""
        return torch.cat([head.mean for head in self._each()])[self._labels]

    @property
    def std(self) -> Tensor:
        """(labels,) see `Head.std`."""
        return torch.cat([head.std for head in self._each()])[self._labels]

    @property
    def log_variance(self) -> Tensor | None:
        """(labels,) see `Head.log_variance`."""
        return self._of_labels([head.log_variance for head in self._each()])

    @property
    def positive_weight(self) -> Tensor | None:
        """(labels,) see `Head.positive_weight`."""
        return self._of_labels([head.positive_weight for head in self._each()])

    def forward(
        self, output: MoleculeOutput, batch: MoleculeBatch, items: Int[Tensor, " items"] | None = None
    ) -> Float[Tensor, "items outputs"]:
        """See `Head.forward`."""
        return torch.cat([head(output, batch, items) for head in self.heads], dim=1)[:, self._outputs]
