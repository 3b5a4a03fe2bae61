"""GPS against a loop over atoms, and its layer against torch's own parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hooke.modalities.molecules.samples import batch_of
from hooke.models import gps
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


@pytest.mark.parametrize("bias", ["none", "paths"])
def test_parity(reference, bias: str) -> None:
    ref = reference(gps, width=8, depth=2, heads=2, edge_width=5, embedding_width=6, bias=bias, farthest=3)

    def paths(v: int, u: int) -> np.ndarray:
        return ref.weights["context.paths.rows.weight"][ref.path_code(v, u, 3)]

    h, e = ref.inputs(relu), ref.edge_inputs(relu)
    for layer in range(2):
        name = f"layers.{layer}"
        attended = ref.attention(f"{name}.attention", h, 2, paths if bias == "paths" else None)
        new = []
        for v, own in enumerate(h):
            summed = own + sum(
                (relu(h[u] + ref.linear(f"{name}.edge", e[u, v])) for u in ref.neighbours[v]), np.zeros(8)
            )
            s = ref.layer_norm(f"{name}.local_norm", own + ref.mlp(f"{name}.update", summed, relu))
            s = s + ref.layer_norm(f"{name}.attention_norm", own + attended[v])
            new.append(ref.layer_norm(f"{name}.norm", s + ref.mlp(f"{name}.mix", s, relu)))
        h = new
    ref.check(h, lambda rows: rows.mean(0))


def test_presets_grow_to_a_billion() -> None:
    spec = MoleculeSpec(encodings=EncodingConfig(random_walk=16))
    with torch.device("meta"):
        sizes = {
            name: sum(p.numel() for p in gps.Model(config, spec).parameters()) for name, config in gps.PRESETS.items()
        }
    assert list(sizes.values()) == sorted(sizes.values())
    assert sizes["tiny"] < 2e5
    assert sizes["xl"] == pytest.approx(1e9, rel=0.05)


def test_dropout_draws_in_training_only() -> None:
    model = gps.Model(gps.Config(width=8, depth=1, heads=2, dropout=0.5, attention_dropout=0.5))
    batch = batch_of(["CCO", "CC"])
    assert not torch.equal(model(batch).graphs, model(batch).graphs)
    model.eval()
    assert torch.equal(model(batch).graphs, model(batch).graphs)
