"""MPNN++ against a loop over atoms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hooke.models import mpnn


def gelu(x: np.ndarray) -> np.ndarray:
    return np.array([0.5 * value * (1 + math.erf(value / math.sqrt(2))) for value in x])


@pytest.mark.parametrize("residual", [True, False])
def test_parity(reference, residual) -> None:
    ref = reference(mpnn, width=8, edge_width=5, depth=2, embedding_width=6, residual=residual)
    h, e = ref.inputs(gelu), ref.edge_inputs(gelu)
    for layer in range(2):
        name = f"layers.{layer}"
        change = {
            (u, v): ref.mlp(f"{name}.edge_mlp", np.concatenate([h[v], h[u], e[u, v]]), gelu) for u, v in ref.edges
        }
        new = []
        for v, own in enumerate(h):
            arriving = sum((change[u, v] for u in ref.neighbours[v]), np.zeros(5))
            leaving = sum((change[v, u] for u in ref.neighbours[v]), np.zeros(5))
            around = sum((h[u] for u in ref.neighbours[v]), np.zeros(8))
            update = ref.mlp(f"{name}.node_mlp", np.concatenate([own, arriving, leaving, around]), gelu)
            new.append(own + update if residual else update)
        h = new
        e = {edge: e[edge] + change[edge] if residual else change[edge] for edge in ref.edges}
    ref.check(h, lambda rows: rows.sum(0), e)
