"""GINE against a loop over atoms."""

from __future__ import annotations

import numpy as np

from hooke.models import gine


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def test_parity(reference) -> None:
    ref = reference(gine, width=8, depth=2, edge_width=5, embedding_width=6)
    h, e = ref.inputs(relu), ref.edge_inputs(relu)
    for layer in range(2):
        name = f"layers.{layer}"
        new = []
        for v, own in enumerate(h):
            s = (1 + ref.weights[f"{name}.update.epsilon"]) * own
            for u in ref.neighbours[v]:
                s = s + relu(h[u] + ref.linear(f"{name}.edge", e[u, v]))
            update = ref.mlp(f"{name}.update.mlp", s, relu)
            new.append(own + relu(ref.layer_norm(f"{name}.update.after.normalisation", update)))
        h = new
    ref.check(h, lambda rows: rows.mean(0))
