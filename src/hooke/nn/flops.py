"""Counting multiplications and additions (FLOPs) and what a backward pass keeps, without computing anything.

A model on torch's meta device has shapes but no numbers; one pass through it is counted operation by operation. One
multiply-add is two FLOPs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def count_flops(call: Callable[[], object]) -> int:
    """FLOPs of matrix products, convolutions and attention in a call on meta tensors."""
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops())


def kept_bytes(call: Callable[[], object], network: nn.Module) -> int:
    """Bytes that autograd keeps for the backward pass of a call on meta tensors, the parameters of `network` not counted."""
    own = {id(parameter) for parameter in network.parameters()}
    views = {parameter.untyped_storage()._cdata for parameter in network.parameters()}
    sizes: dict[int, int] = {}
    alive: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if id(tensor) not in own and storage._cdata not in views:
            sizes[storage._cdata] = storage.nbytes()
            alive.append(tensor)  # so that no other storage gets the same address
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = call()
    del result
    return sum(sizes.values())
