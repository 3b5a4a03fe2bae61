"""The graph Transformer against a loop over atoms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import erf

from hooke.models import graph_transformer
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec


def gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


def test_parity(reference) -> None:
    ref = reference(graph_transformer, width=8, depth=2, heads=2, embedding_width=6, farthest=4)

    def bias(v: int, u: int) -> np.ndarray:
        found = ref.weights["context.paths.rows.weight"][ref.path_code(v, u, 4)]
        return found + ref.bond((u, v), "context.bonds") if (u, v) in ref.number else found

    h = [
        ref.mlp("node_inputs.layers", ref.node_features(v, "node_inputs.features"), gelu)
        for v in range(ref.batch.num_nodes)
    ]
    for layer in range(2):
        name = f"layers.{layer}"
        attended = ref.attention(
            f"{name}.attention", [ref.layer_norm(f"{name}.attention_norm", row) for row in h], 2, bias
        )
        h = [row + change for row, change in zip(h, attended, strict=True)]
        h = [row + ref.mlp(f"{name}.mlp", ref.layer_norm(f"{name}.mlp_norm", row), gelu) for row in h]
    ref.check([ref.layer_norm("layers.1.norm", row) for row in h], lambda rows: rows.mean(0))


def test_presets_grow_to_a_billion() -> None:
    spec = MoleculeSpec(encodings=EncodingConfig(random_walk=16))
    with torch.device("meta"):
        sizes = {
            name: sum(p.numel() for p in graph_transformer.Model(config, spec).parameters())
            for name, config in graph_transformer.PRESETS.items()
        }
    assert list(sizes.values()) == sorted(sizes.values())
    assert sizes["xl"] == pytest.approx(1e9, rel=0.05)
