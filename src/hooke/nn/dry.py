"""Passes of networks without numbers on batches with real indices: shapes, FLOPs and memory of models of any size.

A network on torch's meta device has shapes alone, but molecules need real integers: which atoms are bonded decides the shapes of
what follows. Within `dry_pass` an operation that meets a meta tensor runs on the meta device, all others as usual.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_any, tree_map
from torch.utils.flop_counter import FlopCounterMode

from hooke.nn.flops import kept_bytes


class _Dry(TorchDispatchMode):
    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if not tree_any(_without_numbers, (args, kwargs)):
            return func(*args, **kwargs)
        if func is torch.ops.aten.index.Tensor:
            args = (args[0], _places(args[1]))
        args, kwargs = tree_map(_bare, (args, kwargs))
        return func(*args, **kwargs)


class _Fused(TorchFunctionMode):
    def __torch_function__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        if func is functional.scaled_dot_product_attention and tree_any(_without_numbers, args):
            return _fused_attention(*args, **kwargs)
        return func(*args, **kwargs)


def _fused_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None, **_: Any) -> Any:
    return torch.ops.aten._scaled_dot_product_efficient_attention(query, key, value, attn_mask, True)[0]


def _without_numbers(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_meta


def _bare(value: Any) -> Any:
    """A tensor as its shape; zero-dimensional ones may stay."""
    return value.to("meta") if isinstance(value, Tensor) and not value.is_meta else value


def _places(indices: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Masks as the numbers of what they choose."""
    found: list[Tensor | None] = []
    for index in indices:
        if index is not None and index.dtype == torch.bool and not index.is_meta:
            found += index.nonzero(as_tuple=True)
        else:
            found.append(index)
    return found


def dry_pass(call: Callable[[], Any]) -> Any:
    """The result of a call in which tensors on the meta device meet real ones."""
    with _Dry():
        return call()


def dry_cost(call: Callable[[], Any], network: nn.Module) -> tuple[int, int]:
    """FLOPs of one pass, and the bytes that autograd keeps for the way back, the parameters not counted.

    Attention is that of accelerators: the fused kernel keeps none of its weights.

    Args:
        call: One pass through `network`.
        network: On the meta device.
    """
    with _Dry(), _Fused(), FlopCounterMode(display=False) as counter:
        kept = kept_bytes(call, network)
    return int(counter.get_total_flops()), kept
