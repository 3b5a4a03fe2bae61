"""Heads for each view, and how far they disagree."""

from __future__ import annotations

from dataclasses import replace

import torch

from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.models import gine, grover
from hooke.nn.graphs.output import MoleculeOutput
from hooke.nn.graphs.views_of_output import ViewHeads, disagreement, one_view


def test_views_are_stretches_of_columns() -> None:
    rows = torch.arange(8.0).view(2, 4)
    output = MoleculeOutput(rows, None, rows[:1])
    assert one_view(output, 1, 2).nodes.tolist() == [[2, 3], [6, 7]]
    assert one_view(output, 0, 2).graphs.tolist() == [[0, 1]]
    assert one_view(output, 0, 2).edges is None


def test_one_head_a_view() -> None:
    batch = batch_of(SMILES)
    for module, views in ((gine, 1), (grover, 2)):
        model = module.Model(module.PRESETS["tiny"])
        assert model.views == views
        output = model(batch)
        for level, items in (("node", batch.num_nodes), ("edge", batch.num_bonds), ("graph", batch.num_graphs)):
            assert ViewHeads(level, model, 3)(output, batch).shape == (views, items, 3)


def test_disagreement_by_hand() -> None:
    assert disagreement(torch.randn(1, 4, 2)).tolist() == [0] * 4
    found = disagreement(torch.tensor([[[1.0, 2.0]], [[3.0, 2.0]]]))
    assert found.tolist() == [2.0]  # (4 + 0) / 2, the same from both sides


def test_standardised_heads_do_not_see_a_common_shift_or_scale() -> None:
    batch = batch_of(SMILES)
    model = grover.Model(grover.PRESETS["tiny"])
    output, heads = model(batch), ViewHeads("graph", model, 3, standardised=True)
    moved = replace(output, graphs=100 * output.graphs + 7)
    torch.testing.assert_close(heads(moved, batch), heads(output, batch), atol=1e-2, rtol=1e-2)
    plain = ViewHeads("graph", model, 3)
    assert (plain(moved, batch) - plain(output, batch)).abs().max() > 1
