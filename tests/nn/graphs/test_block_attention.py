"""Attention in blocks against torch's fused kernel, with all its gradients."""

from __future__ import annotations

import pytest
import torch

from hooke.modalities.molecules.samples import LARGE, SMILES, batch_of
from hooke.nn.graphs.attention import fused_attention, masked_bias
from hooke.nn.graphs.block_attention import block_attention
from hooke.nn.graphs.size_groups import SizeLayout, size_layout

HEADS = 3


def given(layout: SizeLayout, bias_heads: int) -> tuple[torch.Tensor, list[torch.Tensor | None]]:
    """Random rows, and a random bias of each block unless `bias_heads` is 0."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(len(layout.place), 3 * HEADS * 5, dtype=torch.float64, generator=generator, requires_grad=True)
    if not bias_heads:
        return rows, [None] * len(layout.groups)
    shapes = [(count, bias_heads, size, size) for count, size in (group.shape for group in layout.groups)]
    return rows, [torch.randn(shape, dtype=torch.float64, generator=generator, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("bias_heads", [0, 1, HEADS])
@pytest.mark.parametrize("smiles", [list(SMILES), ["C", LARGE, "CC"]])
def test_agrees_with_the_fused_kernel(smiles: list[str], bias_heads: int) -> None:
    layout = size_layout(batch_of(smiles))
    rows, biases = given(layout, bias_heads)
    wanted = [rows, *(bias for bias in biases if bias is not None)]
    found = []
    for attend in (block_attention, fused_attention):
        masked = [bias if bias is None else bias.double() for bias in masked_bias(layout, biases)]
        result = attend(rows, layout, HEADS, masked)
        found.append([result, *torch.autograd.grad(result.square().sum(), wanted)])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_gradient_with_dropout() -> None:
    layout = size_layout(batch_of(["CCO", "CC"]))
    rows, biases = given(layout, 1)

    kept = kept_of(layout, 0.4)

    def attend(rows: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        return block_attention(rows, layout, HEADS, masked_bias(layout, [bias]), kept)

    (bias,) = biases
    assert not torch.equal(attend(rows, bias), block_attention(rows, layout, HEADS, masked_bias(layout, [bias])))
    assert torch.autograd.gradcheck(attend, (rows, bias), fast_mode=True)
    fused = fused_attention(rows, layout, HEADS, masked_bias(layout, [bias]), kept)
    torch.testing.assert_close(attend(rows, bias), fused)


def kept_of(layout: SizeLayout, dropout: float) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    shapes = [(count, HEADS, size, size) for count, size in (group.shape for group in layout.groups)]
    return [(torch.rand(shape, generator=generator) >= dropout).double() / (1 - dropout) for shape in shapes]
