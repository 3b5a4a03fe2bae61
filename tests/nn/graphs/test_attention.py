"""Attention within molecules against torch's own, molecule by molecule."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from hooke.modalities.molecules.samples import SMILES, batch_of
from hooke.nn.graphs.attention import MoleculeAttention, attended, masked_bias
from hooke.nn.graphs.segment import edges_of
from hooke.nn.graphs.size_groups import size_layout
from hooke.nn.randomness import random_from


@pytest.mark.parametrize("ratio", [0.0, 0.75, 1.0])
@pytest.mark.parametrize("biased", [False, True])
def test_agrees_with_torch_on_each_molecule_alone(ratio: float, biased: bool) -> None:
    torch.manual_seed(0)
    batch = batch_of(SMILES)
    layout = size_layout(batch, ratio)
    ours, theirs = MoleculeAttention(12, 3).double(), nn.MultiheadAttention(12, 3, batch_first=True).double()
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = ours.qkv.weight.data, ours.qkv.bias.data
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    nodes = torch.randn(batch.num_nodes, 12, dtype=torch.float64)
    pairs = torch.randn(3, batch.num_nodes, batch.num_nodes, dtype=torch.float64)
    biases = [
        pairs[:, group.nodes[:, :, None], group.nodes[:, None, :]].transpose(0, 1) if biased else None
        for group in layout.groups
    ]
    found = ours(nodes, attended(edges_of(batch), layout, masked_bias(layout, biases)))
    for start, end in itertools.pairwise(batch.node_offsets.tolist()):
        mine = nodes[None, start:end]
        bias = pairs[:, start:end, start:end] if biased else None
        expected, _ = theirs(mine, mine, mine, attn_mask=bias, need_weights=False)
        torch.testing.assert_close(found[start:end], expected[0])


def test_dropout_only_in_training() -> None:
    torch.manual_seed(0)
    batch = batch_of(["CCO", "CCN"])
    layout = size_layout(batch)
    around = attended(edges_of(batch), layout, masked_bias(layout, [None]))
    module, nodes = MoleculeAttention(8, 2, dropout=0.5), torch.randn(6, 8)
    assert not torch.equal(module(nodes, around), module(nodes, around))
    module.eval()
    assert torch.equal(module(nodes, around), module(nodes, around))


@pytest.mark.parametrize("bias", [None, "mask", "numbers"])
def test_dropout_of_next_to_nothing_changes_nothing(bias: str | None) -> None:
    """The way with dropout against the fused one; kept weights are scaled."""
    torch.manual_seed(0)
    batch = batch_of(SMILES)
    layout = size_layout(batch, 1.0 if bias is None else 0.0)
    plain = [None] * len(layout.groups)
    biases = [torch.randn(len(group.graphs), 3, group.shape[1], group.shape[1]).double() for group in layout.groups]
    around = attended(edges_of(batch), layout, masked_bias(layout, biases if bias == "numbers" else plain))
    attention = MoleculeAttention(12, 3, dropout=1e-12).double()
    nodes = torch.randn(batch.num_nodes, 12, dtype=torch.float64)
    expected = attention.eval()(nodes, around)
    torch.testing.assert_close(attention.train()(nodes, around), expected)
    with random_from(torch.Generator().manual_seed(0), attention, batch):
        torch.testing.assert_close(attention(nodes, around), expected)
    attention.dropout.p = 0.5
    with random_from(torch.Generator().manual_seed(0), attention, batch):
        first = attention(nodes, around)
    with random_from(torch.Generator().manual_seed(0), attention, batch):
        assert torch.equal(attention(nodes, around), first)
    assert not torch.allclose(first, expected)


def test_reduced_precision_takes_the_fused_kernel() -> None:
    batch = batch_of(["CCO", "CC"])
    layout = size_layout(batch)
    around = attended(edges_of(batch), layout, masked_bias(layout, [None]))
    module, nodes = MoleculeAttention(8, 2), torch.randn(5, 8)
    expected = module(nodes, around)
    found = module.bfloat16()(nodes.bfloat16(), around)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, atol=0.02, rtol=0.02)
