"""`gpse`: predict the positional and structural encodings of a molecule, so that the encoder becomes one for all of them.

    loss = node_loss(node encodings) + graph_loss(graph encodings),  see `nn.graphs.encoding_targets`

Node targets: seven electrostatic statistics, absolute Laplacian eigenvectors, return probabilities of 2, 3 ... steps, the heat
kernel's diagonal; graph targets: Laplacian eigenvalues and cycle counts: 51 + 11 with the defaults. The molecules carry them
(`[encodings]`), and the encoder does not read them.

Source: Cantürk et al. 2024 (arXiv 2307.07107). Differs from its code: the heat kernel and the electrostatic statistics as in
`molecules.encodings.kernels`.
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
from hooke.nn.graphs.encoding_targets import SeparateHeads, graph_loss, node_loss, normalised
from hooke.nn.graphs.network import Network
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.mlp import mlp
from hooke.nn.randomness import random_from
from hooke.nn.task import Task as Objective


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


class Task(Objective):
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
