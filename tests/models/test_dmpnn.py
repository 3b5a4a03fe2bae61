"""D-MPNN against a loop over directed bonds."""

from __future__ import annotations

import numpy as np
import pytest

from hooke.models import dmpnn


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
    """Encoder of width 300 within 5% of chemprop's 227,700 (W_i 86 x 300, W_h 300 x 300, W_o 372 x 300 + 300)."""
    count = sum(parameter.numel() for parameter in dmpnn.Model(dmpnn.Config()).parameters())
    assert abs(count / 227_700 - 1) < 0.05
