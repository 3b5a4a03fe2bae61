"""Encoders that see every molecule in several ways, and heads for each of them.

An encoder with `views = k` returns k representations side by side in the columns of its output (GROVER: from atoms, from
bonds). Each gets its own head; how far the heads disagree is a part of the loss.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.heads import Head
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.step_norm import StepNorm


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
