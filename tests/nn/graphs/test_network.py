from __future__ import annotations

import torch

from hooke.modalities.molecules.samples import ENCODINGS
from hooke.models import gin
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.heads import Head
from hooke.nn.graphs.network import Network


def test_heads_by_level(batch) -> None:
    encoder = gin.Model(gin.Config(width=8), MoleculeSpec(encodings=ENCODINGS))
    heads = {level: Head(level, (8, 0, 8), outputs=2, labels=2) for level in ("graph", "node")}
    network = Network(encoder, heads)
    raw = network(batch)
    assert {level: tuple(rows.shape) for level, rows in raw.items()} == {
        "graph": (batch.num_graphs, 2),
        "node": (batch.num_nodes, 2),
    }
    assert torch.equal(network.embed(batch), encoder.embed(batch))
