"""The loss of predicted encodings: absolute error and cosine, column by column.

    ŷ_vc = (y_vc - mean over the molecule) / √(variance + ε)
    loss = mean |x - ŷ| + mean over columns and molecules of (1 - cos(x_c, ŷ_c))

A column that is constant over a molecule is trivial: it has no direction and is left out of the cosine.

Source: GPSE (arXiv 2307.07107), its loss "mae_cosim_col_sep" and its normalisation of targets by graph.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.molecules.batch import MoleculeBatch
from hooke.nn.graphs.segment import at_graph, graph_sum
from hooke.nn.processes import step_mean, step_sum

EPSILON = 1e-5


def normalised(targets: Float[Tensor, "nodes columns"], batch: MoleculeBatch) -> Float[Tensor, "nodes columns"]:
    """Each column with mean 0 and variance 1 over the atoms of each molecule; 0 where it is constant."""
    count = batch.node_offsets.diff().to(targets.dtype)[:, None]
    centred = targets - at_graph(graph_sum(targets, batch) / count, batch)
    variance = graph_sum(centred.square(), batch) / count
    return centred * at_graph((variance + EPSILON).rsqrt(), batch)


def node_loss(
    outputs: Float[Tensor, "nodes columns"], targets: Float[Tensor, "nodes columns"], batch: MoleculeBatch
) -> Float[Tensor, ""]:
    """Absolute error, and one minus the cosine of each column of each molecule."""
    dots = graph_sum(outputs * targets, batch)
    return step_mean((outputs - targets).abs()) + _angles(
        dots, graph_sum(outputs.square(), batch), graph_sum(targets.square(), batch)
    )


def graph_loss(outputs: Float[Tensor, "graphs columns"], targets: Float[Tensor, "graphs columns"]) -> Float[Tensor, ""]:
    """The same for one row a molecule, the cosine being that of each column over the batch."""
    sums = step_sum(torch.stack([(outputs * targets).sum(0), outputs.square().sum(0), targets.square().sum(0)]))
    counted, cosines = _cosines(*sums)
    return step_mean((outputs - targets).abs()) + ((1 - cosines) * counted).sum() / counted.sum().clamp(min=1)


def _angles(dots: Tensor, outputs: Tensor, targets: Tensor) -> Tensor:
    """Mean of 1 - cosine over the columns of all molecules whose target is not zero; 0 without any."""
    counted, cosines = _cosines(dots, outputs, targets)
    return step_sum(((1 - cosines) * counted).sum()) / step_sum(counted.sum().to(cosines.dtype)).clamp(min=1)


def _cosines(dots: Tensor, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Which targets are not zero, and the cosines, from products and squares."""
    counted = targets > EPSILON
    return counted, dots / (outputs.clamp(min=EPSILON**2) * torch.where(counted, targets, 1.0)).sqrt()


class SeparateHeads(nn.Module):
    """One small MLP for each column: Linear → ReLU → Linear, computed together."""

    def __init__(self, width: int, columns: int, hidden: int) -> None:
        super().__init__()
        self.columns = columns
        self.first = nn.Linear(width, columns * hidden)
        self.weight = nn.Parameter(torch.empty(columns, hidden).uniform_(-(hidden**-0.5), hidden**-0.5))
        self.bias = nn.Parameter(torch.zeros(columns))

    def forward(self, nodes: Float[Tensor, "nodes width"]) -> Float[Tensor, "nodes columns"]:
        """One column a head."""
        hidden = self.first(nodes).relu().unflatten(1, (self.columns, -1))
        return (hidden * self.weight).sum(2) + self.bias
