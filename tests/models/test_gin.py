"""GIN against a loop over atoms."""

from __future__ import annotations

import numpy as np

from hooke.models import gin


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def test_parity(reference) -> None:
    ref = reference(gin, width=8, depth=2, embedding_width=6, normalisation="none", pooling="max", mlp_layers=3)
    h = ref.inputs(relu)
    for layer in range(2):
        name = f"layers.{layer}.update"
        h = [
            own
            + relu(
                ref.mlp(
                    f"{name}.mlp",
                    (1 + ref.weights[f"{name}.epsilon"]) * own + sum((h[u] for u in ref.neighbours[v]), np.zeros(8)),
                    relu,
                )
            )
            for v, own in enumerate(h)
        ]
    ref.check(h, lambda rows: rows.max(0))
