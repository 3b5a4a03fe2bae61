"""`gpse`: predict the positional and structural encodings of a molecule, so that the encoder becomes one for all of them.

    loss = node_loss(node encodings) + graph_loss(graph encodings),  see `tasks.gpse`

Node targets: seven electrostatic statistics, absolute Laplacian eigenvectors, return probabilities of 2, 3 ... steps, the heat
kernel's diagonal; graph targets: Laplacian eigenvalues and cycle counts: 51 + 11 with the defaults. The molecules carry them
(`[encodings]`), and the encoder does not read them.

Source: Cantürk et al. 2024 (arXiv 2307.07107). Differs from its code: the heat kernel and the electrostatic statistics as in
`molecules.encodings.kernels`.

The loss of predicted encodings: absolute error and cosine, column by column.

    ŷ_vc = (y_vc - mean over the molecule) / √(variance + ε)
    loss = mean |x - ŷ| + mean over columns and molecules of (1 - cos(x_c, ŷ_c))

A column that is constant over a molecule is trivial: it has no direction and is left out of the cosine.

Source: GPSE (arXiv 2307.07107), its loss "mae_cosim_col_sep" and its normalisation of targets by graph.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hooke.core.errors import UsageError
from hooke.molecules.batch import MoleculeBatch
from hooke.molecules.encodings.config import (
    CYCLES,
    EIGENVALUES,
    EIGENVECTORS,
    ELECTROSTATIC,
    HEAT_KERNEL,
    RANDOM_WALK,
    EncodingConfig,
)
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.network import Network
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.graphs.segment import at_graph, graph_sum
from hooke.nn.mlp import mlp
from hooke.nn.processes import step_mean, step_sum
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as BaseTask

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


@dataclass(frozen=True)
class Config:
    """Which encodings are predicted, and the heads."""

    laplacian: int = 4  # eigenvectors and eigenvalues
    random_walk: int = 20  # return probabilities, from two steps on (one step never returns)
    heat_kernel: int = 20
    cycles: int = 8  # longest cycle that is counted
    hidden_width: int = 32  # of the head of each node target

    def __post_init__(self) -> None:
        if min(self.laplacian, self.random_walk, self.heat_kernel) < 1 or self.cycles < 3:
            raise UsageError("gpse needs at least one encoding of each kind, and cycles of at least 3")

    @property
    def targets(self) -> EncodingConfig:
        """What the molecules have to carry."""
        return EncodingConfig(
            laplacian=self.laplacian, laplacian_normalisation="symmetric", random_walk=self.random_walk + 1,
            heat_kernel=self.heat_kernel, electrostatic=True, cycles=self.cycles,
        )  # fmt: skip

    @property
    def widths(self) -> tuple[int, int]:
        """Node and graph targets."""
        node, graph = self.targets.node_widths, self.targets.graph_widths
        return sum(node.values()) - 1, sum(graph.values())


class NodeTargets(nn.Module):
    """A small head for each node target."""

    def __init__(self, width: int, columns: int, hidden: int) -> None:
        super().__init__()
        self.heads = SeparateHeads(width, columns, hidden)

    def forward(self, output: MoleculeOutput, batch: MoleculeBatch) -> Float[Tensor, "nodes columns"]:
        """Predicted node targets."""
        return self.heads(output.nodes)


class GraphTargets(nn.Module):
    """One MLP for all graph targets."""

    def __init__(self, width: int, columns: int) -> None:
        super().__init__()
        self.layers = mlp([width, width, columns])

    def forward(self, output: MoleculeOutput, batch: MoleculeBatch) -> Float[Tensor, "graphs columns"]:
        """Predicted graph targets."""
        return self.layers(output.graphs)


class Task(BaseTask):
    """Prediction of encodings; labels are not looked at."""

    modality = "molecules"
    supervised = False
    config: Config

    def needs(self, spec: MoleculeSpec) -> MoleculeSpec:
        """Molecules that carry the predicted encodings."""
        return replace(spec, encodings=replace(spec.encodings, **_options(self.config.targets)))

    def inputs(self, spec: MoleculeSpec) -> MoleculeSpec:
        """All encodings but the predicted ones."""
        encodings = replace(spec.encodings, laplacian=0, random_walk=0, heat_kernel=0, electrostatic=False, cycles=0)
        return replace(spec, encodings=encodings)

    def network(self, encoder: nn.Module) -> Network:
        """The encoder with heads for node and graph targets."""
        nodes, graphs = self.config.widths
        return Network(
            encoder,
            {
                "nodes": NodeTargets(int(encoder.node_width), nodes, self.config.hidden_width),  # type: ignore[arg-type]
                "graphs": GraphTargets(int(encoder.graph_width), graphs),  # type: ignore[arg-type]
            },
        )

    def losses(
        self, network: nn.Module, batch: MoleculeBatch, step: int, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The loss of a batch, and its detached parts "nodes" and "graphs".

        Raises:
            UsageError: The molecules do not carry what is predicted.
        """
        self._check(batch)
        with random_from(generator, network, batch):
            raw = network(batch)
        wide = torch.promote_types(raw["nodes"].dtype, torch.float32)
        nodes = node_loss(raw["nodes"].to(wide), normalised(self.node_targets(batch).to(wide), batch), batch)
        graphs = graph_loss(raw["graphs"].to(wide), self.graph_targets(batch).to(wide))
        return {"loss": nodes + graphs, "nodes": nodes.detach(), "graphs": graphs.detach()}

    def node_targets(self, batch: MoleculeBatch) -> Float[Tensor, "nodes columns"]:
        """The encodings of the nodes, before normalisation."""
        rows = batch.node_encodings
        config = self.config
        return torch.cat(
            [
                rows[ELECTROSTATIC],
                rows[EIGENVECTORS][:, : config.laplacian].abs(),
                rows[RANDOM_WALK][:, 1 : config.random_walk + 1],
                rows[HEAT_KERNEL][:, : config.heat_kernel],
            ],
            dim=1,
        )

    def graph_targets(self, batch: MoleculeBatch) -> Float[Tensor, "graphs columns"]:
        """The encodings of the molecules."""
        rows, config = batch.graph_encodings, self.config
        return torch.cat([rows[EIGENVALUES][:, : config.laplacian], rows[CYCLES][:, : config.cycles - 1]], dim=1)

    def _check(self, batch: MoleculeBatch) -> None:
        wanted = {**self.config.targets.node_widths, **self.config.targets.graph_widths}
        carried = {**batch.node_encodings, **batch.graph_encodings}
        for name, width in wanted.items():
            if name not in carried or carried[name].shape[1] < width:
                needed = ", ".join(f"{key} = {_toml(value)}" for key, value in _options(self.config.targets).items())
                raise UsageError(f"gpse predicts {name}, which the molecules do not carry: [encodings] needs {needed}")


def _options(targets: EncodingConfig) -> dict[str, Any]:
    """The options of a recipe that ask for the targets."""
    names = ("laplacian", "laplacian_normalisation", "random_walk", "heat_kernel", "electrostatic", "cycles")
    return {name: getattr(targets, name) for name in names}


def _toml(value: bool | int | str) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
