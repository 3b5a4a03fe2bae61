"""GCN against a loop over atoms."""

from __future__ import annotations

import math

import numpy as np

from hooke.models import gcn


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def test_parity(reference) -> None:
    ref = reference(gcn, width=8, depth=2, embedding_width=6, pre_layers=2, pooling="sum")
    h = ref.inputs(relu)
    degree = [len(neighbours) for neighbours in ref.neighbours]
    for layer in range(2):
        name, new = f"layers.{layer}", []
        for v, own in enumerate(h):
            s = own / (degree[v] + 1)
            for u in ref.neighbours[v]:
                s = s + h[u] / math.sqrt((degree[u] + 1) * (degree[v] + 1))
            update = ref.linear(f"{name}.linear", s)
            new.append(own + relu(ref.layer_norm(f"{name}.after.normalisation", update)))
        h = new
    ref.check(h, lambda rows: rows.sum(0))
