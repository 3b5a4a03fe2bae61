"""GPSE against a loop over atoms and virtual nodes, and its random features."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hooke.modalities.molecules.samples import batch_of, with_node_inputs
from hooke.models import gpse
from hooke.models.gpse import RANDOM_FEATURES, RANDOM_WIDTH, RandomFeatures


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def test_parity(reference) -> None:
    ref = reference(gpse, width=6, depth=2)
    for name, buffer in ref.model.named_buffers():  # running statistics away from their start
        if "running" in name:
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    ref.weights = {name: tensor.detach().numpy() for name, tensor in ref.model.state_dict().items()}
    graph, starts = ref.batch.node_graph.tolist(), ref.batch.node_offsets.tolist()

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        w = ref.weights
        scaled = (x - w[f"{name}.running_mean"]) / np.sqrt(w[f"{name}.running_var"] + 1e-5)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    fixed = ref.model.features.fixed.numpy()
    rows = [fixed[v - starts[graph[v]]] for v in range(len(graph))] + [np.zeros(RANDOM_WIDTH)] * (len(starts) - 1)
    h = [relu(norm("start_norm", ref.linear("start", row))) for row in rows]
    virtual = {v: len(graph) + graph[v] for v in range(len(graph))}
    neighbours = [[*ref.neighbours[v], virtual[v]] for v in range(len(graph))]
    neighbours += [[v for v in range(len(graph)) if graph[v] == g] for g in range(len(starts) - 1)]
    for layer in range(2):
        name = f"layers.{layer}"
        new = []
        for v, own in enumerate(h):
            heard = [
                sigmoid(ref.linear(f"{name}.to_gate", own) + ref.linear(f"{name}.from_gate", h[u]))
                * ref.linear(f"{name}.message", h[u])
                for u in neighbours[v]
            ]
            new.append(own + relu(norm(f"{name}.norm", ref.linear(f"{name}.own", own) + np.mean(heard, axis=0))))
        h = new
    ref.check(h[: len(graph)], lambda part: part.mean(0))


def test_random_features() -> None:
    batch, features = batch_of(["CCO", "CC"]), RandomFeatures()
    torch.manual_seed(0)
    assert not torch.equal(features(batch), features(batch))
    features.eval()
    fixed = features(batch)
    torch.testing.assert_close(fixed[:2], fixed[3:])  # by number in the molecule
    assert not torch.equal(fixed[0], fixed[1])
    given = with_node_inputs(batch_of(["CCO", "CC"]), {RANDOM_FEATURES: RANDOM_WIDTH})
    assert torch.equal(features(given), given.node_encodings[RANDOM_FEATURES])


def test_symmetric_atoms_are_told_apart() -> None:
    torch.manual_seed(0)
    model = gpse.Model(gpse.PRESETS["tiny"]).eval()
    nodes = model(batch_of(["c1ccccc1"])).nodes.detach()
    assert float((nodes[0] - nodes[1]).abs().max()) > 1e-3


def test_the_published_size() -> None:
    with torch.device("meta"):
        sizes = {name: sum(p.numel() for p in gpse.Model(config).parameters()) for name, config in gpse.PRESETS.items()}
    assert sizes["published"] == 20 * (4 * 512**2 + 4 * 512) + 21 * 512 + 2 * 512
    assert sizes["xl"] == pytest.approx(1e9, rel=0.05)
