"""GatedGCN against a loop over atoms."""

from __future__ import annotations

import numpy as np

from hooke.models import gated_gcn


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def test_parity(reference) -> None:
    ref = reference(gated_gcn, width=8, depth=2, embedding_width=6)
    h, e = ref.inputs(relu), ref.edge_inputs(relu)
    for layer in range(2):
        name = f"layers.{layer}"
        gated = {
            (u, v): ref.linear(f"{name}.edge", e[u, v])
            + ref.linear(f"{name}.to_edge", h[v])
            + ref.linear(f"{name}.from_edge", h[u])
            for u, v in ref.edges
        }
        gates = {edge: 1 / (1 + np.exp(-row)) for edge, row in gated.items()}
        new = []
        for v, own in enumerate(h):
            above, below = np.zeros(8), np.full(8, 1e-6)
            for u in ref.neighbours[v]:
                above = above + gates[u, v] * ref.linear(f"{name}.message", h[u])
                below = below + gates[u, v]
            update = ref.linear(f"{name}.own", own) + above / below
            new.append(own + relu(ref.layer_norm(f"{name}.after.normalisation", update)))
        h = new
        e = {
            edge: e[edge] + relu(ref.layer_norm(f"{name}.edge_after.normalisation", gated[edge])) for edge in ref.edges
        }
    ref.check(h, lambda rows: rows.mean(0), e)
