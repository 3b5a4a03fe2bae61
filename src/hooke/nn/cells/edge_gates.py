"""Attribution of a prediction to the edges of a graph: integrated gradients over gates, and deletion.

    IG_e = (1 - 0) · mean over steps of ∂F(g = t 1) / ∂g_e,    t = (k - 1/2) / n;        Σ_e IG_e = F(1) - F(0) up to the quadrature
    deletion_e = F(1) - F(1 with g_e = 0)

F is a number that is made from a prediction, for example its correlation with what was measured. With all gates at 0 the network sees no edge.

Source: Sundararajan et al. 2017 (arXiv:1703.01365).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

Score = Callable[[Tensor], Tensor]


def integrated_gradients(score: Score, edges: int, *, steps: int = 32) -> np.ndarray:
    """(edges,) float64 contributions to a score.

    Args:
        score: Gates (edges,) → a scalar.
        edges: Of the graph.
        steps: Of the quadrature.
    """
    total = np.zeros(edges)
    for step in range(steps):
        gates = torch.full((edges,), (step + 0.5) / steps, requires_grad=True)
        [gradient] = torch.autograd.grad(score(gates), [gates])
        total += gradient.double().cpu().numpy()
    return total / steps


def deletions(score: Score, edges: int, chosen: np.ndarray) -> np.ndarray:
    """(chosen,) float64: how much of a score is lost without each of these edges alone.

    Args:
        score: As in `integrated_gradients`.
        edges: Of the graph.
        chosen: Which edges are deleted, one after another.
    """
    lost = np.zeros(len(chosen))
    with torch.no_grad():
        whole = float(score(torch.ones(edges)))
        for place, edge in enumerate(chosen.tolist()):
            gates = torch.ones(edges)
            gates[edge] = 0
            lost[place] = whole - float(score(gates))
    return lost


def without_edges(score: Score, edges: int, gone: np.ndarray) -> float:
    """The score when all of these edges are gone at once."""
    gates = torch.ones(edges)
    gates[torch.from_numpy(np.asarray(gone, np.int64))] = 0
    with torch.no_grad():
        return float(score(gates))
