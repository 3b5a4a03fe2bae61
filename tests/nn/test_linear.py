"""Linear layers in blocks of rows: the numbers and gradients of torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from hooke.nn import linear as module
from hooke.nn.linear import BLOCK, Linear, linear

ROWS = 3 * BLOCK + 5


@pytest.mark.parametrize("biased", [True, False])
def test_equals_float64_with_gradients(biased: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(ROWS, 130), (70, 130), *([(70,)] if biased else [])]
    given = [torch.randn(shape, generator=generator, requires_grad=True) for shape in shapes]
    assert module._applies(*given[:2])
    exact = [tensor.detach().double().requires_grad_() for tensor in given]
    weights = torch.randn(ROWS, 70, generator=generator)
    result, expected = linear(*given), functional.linear(*exact)
    with torch.no_grad():
        assert torch.equal(linear(*given), result)
    gradients = torch.autograd.grad((result * weights).sum(), given)
    exact_gradients = torch.autograd.grad((expected * weights).sum(), exact)
    for first, second in zip([result, *gradients], [expected, *exact_gradients], strict=True):
        assert (first - second).abs().max() <= 2e-6 * second.abs().max()


def test_gradients_of_gradients() -> None:
    rows, weight = torch.randn(ROWS, 70, requires_grad=True), torch.randn(80, 70, requires_grad=True)
    (to_rows,) = torch.autograd.grad(linear(rows, weight).sum(), rows, create_graph=True)
    (result,) = torch.autograd.grad(to_rows.square().sum(), weight)
    torch.testing.assert_close(result, 2 * ROWS * weight.detach().sum(0).expand(80, 70), rtol=1e-4, atol=1e-2)


def test_everything_else_takes_the_plain_way() -> None:
    layer = Linear(3, 2)
    assert torch.equal(layer(torch.ones(4, 5, 3)), functional.linear(torch.ones(4, 5, 3), layer.weight, layer.bias))
    wide = Linear(100, 100).double()
    assert wide(torch.ones(ROWS, 100, dtype=torch.float64)).dtype == torch.float64
    with torch.autocast("cpu", torch.bfloat16):
        assert Linear(100, 100)(torch.ones(ROWS, 100)).dtype == torch.bfloat16
    assert Linear(100, 100, device="meta")(torch.ones(ROWS, 100, device="meta")).is_meta
    assert not module._applies(torch.ones(ROWS, 128), torch.ones(64, 128))
