"""Encoders that see every molecule in several ways, and heads for each of them.

An encoder with `views = k` returns k representations side by side in the columns of its output (GROVER: from atoms, from
bonds). Each gets its own head; how far the heads disagree is a part of the loss.

Batch normalisation over all rows of a training step, whichever process holds them.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.heads import Head
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.processes import joined_sum

_MOMENTUM = 0.1
_EPSILON = 1e-5


class StepNorm(nn.Module):
    """(x - mean) / sqrt(variance + ε), column by column, without learned scale and shift.

    As `torch.nn.BatchNorm1d(width, affine=False)`, with mean and variance over the rows of all processes of a step, so that P
    processes take the step of one with P times the rows. A single row is normalised as in evaluation.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, rows: Float[Tensor, "rows width"]) -> Float[Tensor, "rows width"]:
        """The rows, normalised; in training the running statistics move towards theirs."""
        mean, variance = self.mean, self.variance
        if self.training:
            count = joined_sum(rows.new_tensor(float(len(rows)))).clamp(min=1)
            several = count > 1  # a tensor: asking for its value would make the device wait
            own = joined_sum(rows.sum(0)) / count
            spread = joined_sum((rows - own).square().sum(0)) / count
            mean, variance = own.where(several, mean.to(own.dtype)), spread.where(several, variance.to(own.dtype))
            self._remember(own.detach(), spread.detach() * count / (count - 1).clamp(min=1), several)
        return (rows - mean) / (variance + _EPSILON).sqrt()

    def _remember(self, mean: Tensor, variance: Tensor, several: Tensor) -> None:
        for kept, new in ((self.mean, mean), (self.variance, variance)):
            kept.lerp_(new.to(kept.dtype), _MOMENTUM * several.to(kept.dtype))


def one_view(output: MoleculeOutput, number: int, views: int) -> MoleculeOutput:
    """The columns of one view."""

    def part(rows: Tensor) -> Tensor:
        return rows.unflatten(1, (views, -1))[:, number]

    edges = None if output.edges is None else part(output.edges)
    return MoleculeOutput(part(output.nodes), edges, part(output.graphs))


class ViewHeads(nn.Module):
    """One head a view.

    With `standardised` the rows of molecules go through batch normalisation first: pooled rows share a mean that is large beside
    what tells molecules apart, and heads learn slowly from them as they are.
    """

    def __init__(
        self, level: str, encoder: nn.Module, outputs: int, *, hidden_layers: int = 1, standardised: bool = False
    ) -> None:
        super().__init__()
        self.views = int(encoder.views)  # type: ignore[arg-type]
        names = ("node_width", "edge_width", "graph_width")
        node, edge, graph = (int(getattr(encoder, name)) // self.views for name in names)
        self.heads = nn.ModuleList(
            Head(level, (node, edge, graph), outputs=outputs, labels=0, hidden_layers=hidden_layers)
            for _ in range(self.views)
        )
        self.molecules = StepNorm(self.views * graph) if standardised else nn.Identity()

    def forward(
        self, output: MoleculeOutput, batch: MoleculeBatch, items: Int[Tensor, " items"] | None = None
    ) -> Float[Tensor, "views items outputs"]:
        """Raw outputs of each view, of all items of the level or of these."""
        output = replace(output, graphs=self.molecules(output.graphs))
        return torch.stack(
            [head(one_view(output, number, self.views), batch, items) for number, head in enumerate(self.heads)]
        )


def disagreement(outputs: Float[Tensor, "views items outputs"]) -> Float[Tensor, " items"]:
    """Mean squared distance of each view from the mean of the others; 0 for a single view."""
    views = len(outputs)
    if views == 1:
        return outputs.new_zeros(outputs.shape[1])
    others = (outputs.sum(0) - outputs) / (views - 1)
    return (outputs - others).square().mean(dim=(0, 2))
