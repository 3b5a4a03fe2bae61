"""GPS against a loop over atoms, and its layer against torch's own parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hooke.core import registry
from hooke.core.options import plain
from hooke.modalities.molecules.samples import batch_of
from hooke.models import gps
from hooke.models.gps import Config, Model
from hooke.molecules.encodings.config import EncodingConfig
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.segment import edges_of


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


@pytest.mark.parametrize("local", ["gated_gcn", "mpnn", "pna"])
def test_other_local_message_passing(local: str) -> None:
    batch = batch_of(["CC(C)O", "C", "c1ccccc1C"])
    config = Config(width=16, depth=2, heads=2, edge_width=8, local=local)  # type: ignore[arg-type]
    torch.manual_seed(0)
    model = Model(config).double().eval()
    output = model(batch)
    stream = {"gated_gcn": 16, "mpnn": 8, "pna": 0}[local]
    assert model.edge_width == stream
    assert (output.edges is None) == (stream == 0)
    layer = registry.module("models", local).Layer
    assert all(isinstance(each.local, layer) for each in model.layers)
    assert "local" not in plain(Config())
    one = Model(replace(config, depth=1)).double().eval()
    edges = one.context(batch, edges_of(batch))
    nodes, bonds = one.node_inputs(batch, edges).expand(), one.edge_inputs(batch)
    first = one.layers[0]
    update, change = first.local(nodes, bonds, edges)
    summed = first.local_norm(nodes + update) + first.attention_norm(nodes + first.attention(nodes, edges))
    found, after = first(nodes, bonds, edges)
    torch.testing.assert_close(found, first.norm(summed + first.mix(summed)))
    if stream:
        torch.testing.assert_close(after, bonds.expand() + change)


def test_stochastic_depth_grows_with_the_layer() -> None:
    batch = batch_of(["CC(C)O", "C", "c1ccccc1C"])
    model = Model(Config(width=16, depth=3, heads=2, stochastic_depth=1.0)).train()
    assert [skip.p for skip in model.skips] == [0.0, 0.5, 1.0]
    rows = model(batch).graphs
    model.layers[2].norm.weight.data.zero_()  # nobody goes through the last layer
    torch.manual_seed(0)
    first = model(batch).graphs
    model.layers[2].norm.bias.data.fill_(9.0)
    torch.manual_seed(0)
    assert torch.equal(model(batch).graphs, first)
    assert rows.shape == first.shape
    assert not torch.allclose(model.eval()(batch).graphs, first)
