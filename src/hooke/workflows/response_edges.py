"""Which edges of its graph a network's prediction rests on: integrated gradients over gates of the edges, and deletion.

    F(g) = ⟨d̂(g), d̂(1)⟩ / ‖d̂(1)‖²,    Σ_e IG_e = F(1) - F(0) = 1 - F(0)  up to the quadrature

d̂(g) is the predicted change with the gates g of the edges, so that contributions are shares of the prediction; F(0) is what is left without any
edge. Of a residual, d̂ is base and network together, and only the network's part has gates: the base is a sum of exact parts. Weights of
attention are no explanation and are not read.

Source: Sundararajan et al. 2017 (arXiv:1703.01365).
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hooke.cells.conditions import Conditions
from hooke.cells.response_spec import ResponseSpec
from hooke.core.errors import UsageError
from hooke.modalities.perturbations.source import batch_of
from hooke.nn.cells.edge_gates import deletions, integrated_gradients
from hooke.nn.modes import evaluating
from hooke.workflows.response_networks import ResponseNetwork

STEPS = 64
_FEWEST, _DRAWS = 8, 50
_NOTHING = 1e-9  # a contribution that is none


@dataclass(frozen=True)
class EdgePart:
    """What one edge adds.

    Attributes:
        first, second: Its genes.
        sources: That state it.
        contribution: Its share of the prediction, by integrated gradients.
        lost: Share of the prediction that is lost when it alone is deleted.
    """

    first: str
    second: str
    sources: tuple[str, ...]
    contribution: float
    lost: float


@dataclass(frozen=True)
class EdgeAttribution:
    """What the edges add to one prediction.

    Attributes:
        edges: The largest contributions first.
        total: Sum of all contributions.
        difference: F(1) - F(0): what all edges together change.
        fidelity: How far the prediction moves without the quarter of the edges of the largest contributions, over that without a random
            quarter of the edges that contribute at all; NaN of fewer than eight.
    """

    edges: tuple[EdgePart, ...]
    total: float
    difference: float
    fidelity: float


def attribute_edges(model: ResponseNetwork, condition: Conditions, *, most: int = 12, seed: int = 0) -> EdgeAttribution:
    """Contributions of the edges to the prediction of one condition.

    Args:
        model: Fitted; alone or a residual.
        condition: One, that the network knows.
        most: Edges that are listed, with their deletion.
        seed: Of random deletions.

    Raises:
        UsageError: The network reads no graph, or predicts no change.
    """
    if model.spec is None or not model.has_edges:
        raise UsageError("this network reads no graph: it has no edges that could be explained")
    with ExitStack() as stack:
        for network in model.networks:
            stack.enter_context(evaluating(network))
        return _attributed(model, model.spec, condition, most, seed)


def _attributed(
    model: ResponseNetwork, spec: ResponseSpec, condition: Conditions, most: int, seed: int
) -> EdgeAttribution:
    graph, batch = spec.graph, batch_of(condition, spec, np.arange(1), [""])
    base = torch.zeros(len(spec.labels)) if model.base is None else _tensor(model.base.predict(condition).values[0])

    def changes(gates: Tensor) -> Tensor:
        return base + model.weight * torch.stack([network(batch, gates)[0] for network in model.networks]).mean(dim=0)

    edges = len(graph.first)
    with torch.no_grad():
        whole = changes(torch.ones(edges))
    size = whole @ whole
    if not float(size):
        raise UsageError("no change is predicted: there is nothing to explain")

    def score(gates: Tensor) -> Tensor:
        return changes(gates) @ whole / size

    found = integrated_gradients(score, edges, steps=STEPS)
    order = np.argsort(-np.abs(found), kind="stable")[:most]
    order = order[np.abs(found[order]) > _NOTHING]
    lost = deletions(score, edges, order)
    parts = tuple(
        EdgePart(
            graph.genes[graph.first[edge]], graph.genes[graph.second[edge]],
            tuple(each.name for each, states in zip(graph.sources, graph.members[edge], strict=True) if states),
            float(found[edge]), float(gone),
        )
        for edge, gone in zip(order, lost, strict=True)
    )  # fmt: skip
    with torch.no_grad():
        difference = float(score(torch.ones(edges)) - score(torch.zeros(edges)))

    def moved(gone: np.ndarray) -> float:
        gates = torch.ones(edges)
        gates[torch.from_numpy(gone)] = 0
        with torch.no_grad():
            return float(torch.linalg.vector_norm(changes(gates) - whole))

    fidelity, present = np.nan, np.flatnonzero(np.abs(found) > _NOTHING)
    if len(present) >= _FEWEST:
        count, generator = len(present) // 4, np.random.default_rng(seed)
        first = present[np.argsort(-np.abs(found[present]), kind="stable")[:count]]
        anyone = np.mean([moved(generator.choice(present, count, replace=False)) for _ in range(_DRAWS)])
        fidelity = moved(first) / float(anyone) if anyone > 0 else np.nan
    return EdgeAttribution(parts, float(found.sum()), difference, fidelity)


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
