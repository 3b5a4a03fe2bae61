"""Linear layers that multiply a block of rows at a time.

MKL, by which torch multiplies float32 matrices on a CPU, falls to half its rate where there are thousands of rows and a width is no multiple
of 16 (300, say). A few hundred rows at a time it does not, so long products are cut into blocks of rows, each written into its place.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

BLOCK = 256  # rows that a thread multiplies at a time
EVEN = 16  # widths that are a multiple of this are multiplied as fast at once


class _Product(torch.autograd.Function):
    """x Wᵀ + b in blocks, and so the gradient of x; that of W is a sum over the rows, which MKL does well."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows, weight)
        return _in_blocks(rows, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        rows, weight = ctx.saved_tensors
        to_rows, to_weight, to_bias = ctx.needs_input_grad
        return (
            linear(grad, weight.t()) if to_rows else None,
            grad.t() @ rows if to_weight else None,
            grad.sum(0) if to_bias else None,
        )


def _in_blocks(rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    out, turned = rows.new_empty(len(rows), len(weight)), weight.t()
    size = BLOCK * torch.get_num_threads()
    for start in range(0, len(rows), size):
        block, place = rows[start : start + size], out[start : start + size]
        if bias is None:
            torch.mm(block, turned, out=place)
        else:
            torch.addmm(bias, block, turned, out=place)
    return out


def linear(
    rows: Float[Tensor, "*rows before"],
    weight: Float[Tensor, "after before"],
    bias: Float[Tensor, " after"] | None = None,
) -> Float[Tensor, "*rows after"]:
    """The rows times Wᵀ, plus b."""
    if not _applies(rows, weight):
        return functional.linear(rows, weight, bias)
    if torch.is_grad_enabled():
        return _Product.apply(rows, weight, bias)
    return _in_blocks(rows.detach(), weight.detach(), None if bias is None else bias.detach())


def _applies(rows: Tensor, weight: Tensor) -> bool:
    """Many plain float32 rows on the CPU and an odd width, outside of autocast and compilation."""
    return (
        not torch.compiler.is_compiling()  # first: the number of rows is not known then
        and rows.dim() == 2
        and len(rows) > 2 * BLOCK
        and any(width % EVEN for width in weight.shape)
        and rows.dtype == weight.dtype == torch.float32
        and rows.device.type == weight.device.type == "cpu"
        and type(rows) is Tensor
        and type(weight) in (Tensor, nn.Parameter)
        and not torch.is_autocast_enabled("cpu")
    )


class Linear(nn.Linear):
    """`torch.nn.Linear`, with the same weights and names of weights, through `linear`."""

    def forward(self, rows: Float[Tensor, "*rows before"]) -> Float[Tensor, "*rows after"]:
        """The rows times Wᵀ, plus b."""
        return linear(rows, self.weight, self.bias)
