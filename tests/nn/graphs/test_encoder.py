from __future__ import annotations

import torch

from hooke.modalities.molecules.samples import ENCODINGS
from hooke.models import gated_gcn, gin
from hooke.molecules.spec import MoleculeSpec


def test_edge_stream_is_optional(batch) -> None:
    without, with_edges = (
        gin.Model(gin.Config(width=8), MoleculeSpec(encodings=ENCODINGS)),
        gated_gcn.Model(gated_gcn.Config(width=8), MoleculeSpec(encodings=ENCODINGS)),
    )
    assert without(batch).edges is None
    assert with_edges(batch).edges.shape == (len(batch.edge_bond), with_edges.edge_width)
    assert torch.equal(without.embed(batch), without(batch).graphs)
