"""D-MPNN against a loop over directed bonds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hooke.modalities.molecules.samples import sample
from hooke.models import dmpnn
from hooke.molecules.encodings.config import EncodingConfig
from hooke.nn.graphs import environments
from hooke.nn.randomness import random_from


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


@pytest.mark.parametrize("options", [{"depth": 1}, {"depth": 2}, {"depth": 4, "bias": True, "activation": "tanh"}])
def test_parity(reference, options) -> None:
    ref = reference(dmpnn, width=11, embedding_width=6, bond_width=5, **options)
    sigma = np.tanh if options.get("activation") == "tanh" else relu
    x = [ref.node_features(v, "node_inputs") for v in range(ref.batch.num_nodes)]
    start = {
        (v, w): ref.linear("layers.0.input_node", x[v])
        + ref.linear("layers.0.input_bond", ref.bond((v, w), "edge_inputs"))
        for v, w in ref.edges
    }
    h = {edge: sigma(row) for edge, row in start.items()}
    for _ in range(1, options["depth"]):
        m = {(v, w): sum((h[u, v] for u in ref.neighbours[v] if u != w), np.zeros(11)) for v, w in ref.edges}
        h = {edge: sigma(start[edge] + ref.linear("layers.0.hidden", m[edge])) for edge in ref.edges}
    nodes = []
    for v in range(ref.batch.num_nodes):
        arrived = sum((h[u, v] for u in ref.neighbours[v]), np.zeros(11))
        nodes.append(sigma(ref.linear("layers.0.output_node", x[v]) + ref.linear("layers.0.output_message", arrived)))
    ref.check(nodes, lambda rows: rows.sum(0) / 100, h)


def test_size_of_chemprop() -> None:
    """Encoder of width 300 within 6% of chemprop's 227,700 (W_i 86 x 300, W_h 300 x 300, W_o 372 x 300 + 300), which has no stereo groups."""
    count = sum(parameter.numel() for parameter in dmpnn.Model(dmpnn.Config()).parameters())
    assert abs(count / 227_700 - 1) < 0.06


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
@pytest.mark.parametrize(
    "encodings", [EncodingConfig(), EncodingConfig(random_walk=4, cycles=5)], ids=["codes", "encodings"]
)
@pytest.mark.parametrize(
    "options",
    [
        {"depth": 1},
        {"depth": 2, "bias": True},
        {"depth": 4},
        {"depth": 3, "activation": "gelu"},
        {"depth": 3, "dropout": 0.3},
    ],
)
def test_environments_change_nothing(options, encodings, dtype, tolerance, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """Outputs and gradients as edge by edge, also in training with the same draws."""
    given = sample(0)
    spec = replace(given.spec, encodings=encodings)
    batch = given.batch([*range(given.items), 3, 0], spec)
    torch.manual_seed(0)
    model = dmpnn.Model(dmpnn.Config(width=70, **options), spec).to(dtype).train()
    both = []
    for applies in (True, False):
        monkeypatch.setattr(environments, "applies", lambda *_, applies=applies: applies)
        with random_from(torch.Generator().manual_seed(1), model, batch):
            output = model(batch)
        weights = [
            torch.randn(rows.shape, dtype=dtype, generator=torch.Generator().manual_seed(2))
            for rows in (output.graphs, output.edges)
        ]
        loss = (output.graphs * weights[0]).sum() + (output.edges * weights[1]).sum()
        gradients = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
        both.append([output.nodes, output.edges, output.graphs, *gradients])
    assert [rows is None for rows in both[0]] == [rows is None for rows in both[1]]
    pairs = [pair for pair in zip(*both, strict=True) if pair[0] is not None]
    for first, second in pairs:
        assert (first - second).abs().max() <= tolerance * (1 + second.abs().max())
