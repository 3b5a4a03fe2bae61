"""Heads of tables side by side: every output and statistic at the place of its label."""

from __future__ import annotations

import torch

from hooke.modalities.molecules.samples import ENCODINGS, SMILES, batch_of
from hooke.models import gine
from hooke.molecules.spec import MoleculeSpec
from hooke.nn.graphs.heads import Head
from hooke.nn.graphs.table_heads import TableHeads


def test_outputs_and_statistics_stand_at_their_places() -> None:
    encoder = gine.Model(gine.Config(width=8, depth=1), MoleculeSpec(encodings=ENCODINGS)).eval()
    widths = (encoder.node_width, encoder.edge_width, encoder.graph_width)
    first = Head("node", widths, outputs=3, labels=2, uncertainty=True, weighted_classes=True)
    second = Head(
        "node", widths, outputs=1, labels=1, hidden_width=5, hidden_layers=2, uncertainty=True, weighted_classes=True
    )
    for number, head in enumerate((first, second)):
        for name in ("mean", "std", "positive_weight"):
            getattr(head, name).copy_(torch.arange(len(head.mean)) + 10 * number)
    heads = TableHeads([first, second], [[2, 0], [1]], [[0, 3, 1], [2]])
    for name in ("mean", "std", "positive_weight"):
        assert getattr(heads, name).tolist() == [1, 10, 0]
    log_variance = heads.log_variance
    assert log_variance is not None
    log_variance.sum().backward()
    assert first.log_variance is not None
    assert first.log_variance.grad is not None
    batch = batch_of(SMILES, encodings=ENCODINGS)
    output = encoder(batch)
    found = heads(output, batch)
    assert torch.equal(found[:, [0, 3, 1]], first(output, batch))
    assert torch.equal(found[:, [2]], second(output, batch))
    items = torch.tensor([4, 1])
    torch.testing.assert_close(heads(output, batch, items), found[items])
    assert not any("_labels" in name or "_outputs" in name for name in heads.state_dict())
    assert TableHeads([Head("graph", widths, outputs=1, labels=1)], [[0]], [[0]]).log_variance is None
