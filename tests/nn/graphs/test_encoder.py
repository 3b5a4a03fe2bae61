from __future__ import annotations

import torch

from hooke.models import gated_gcn, gin
from hooke.testing.samples import ENCODINGS


def test_edge_stream_is_optional(batch) -> None:
    without, with_edges = (
        gin.Model(gin.Config(width=8), ENCODINGS),
        gated_gcn.Model(gated_gcn.Config(width=8), ENCODINGS),
    )
    assert without(batch).edges is None
    assert with_edges(batch).edges.shape == (len(batch.edge_bond), with_edges.edge_width)
    assert torch.equal(without.embed(batch), without(batch).graphs)
