"""Width transfer (μP): initial weights and learning rates with which the best hyper-parameters stay the best at any width.

A network is compared with the same one at its base width, where the two parametrisations are equal. With m the ratio of a matrix's fan-in
to the base's, and "wide" a side whose size differs from the base's:

    both sides wide (hidden)     initial weights × 1        learning rate × 1/m
    only fan-in wide (output)    initial weights × m^-1/2   learning rate × 1/m
    only fan-out wide (input)    as at the base, by its own fan-in
    biases of a wide fan-in      initial values × m^1/2, so that they do not vanish

Torch draws the weights of a linear layer with a variance of 1 / (3 fan-in), which is right for hidden ones and m times too large for outputs.
Nothing of the forward pass changes, so a trained network is read like any other; therefore the heads of attention must keep their width
(grow their number), since 1/√d is right only for a fixed d. The rates are those of Adam and of Lion, whose steps are also signs.

Source: Yang et al. 2022 (Tensor Programs V, arXiv 2203.03466), table 3. Differs from it: the output is not started at zero.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from hooke.core.errors import UsageError


def transfer_width(network: nn.Module, base: nn.Module) -> None:
    """Rescale a new network's weights in place, and note in `rate_factors` (parameter name → factor) how fast each may learn.

    Args:
        network: Just initialised.
        base: The same network at the base width; only its shapes are read, so it may lie on the meta device.

    Raises:
        UsageError: The two differ in more than widths, or in the width of an attention head.
    """
    shapes = {name: parameter.shape for name, parameter in base.named_parameters()}
    own = {name: parameter.ndim for name, parameter in network.named_parameters()}
    if own != {name: len(shape) for name, shape in shapes.items()}:
        raise UsageError("train.width_transfer may only change widths: with it the model has other layers")
    _check_heads(network, base)
    factors: dict[str, float] = {}
    for name, parameter in network.named_parameters():
        factors[name] = 1.0
        if _is_linear(network, name) and parameter.ndim == 2:
            wide = parameter.shape[1] / shapes[name][1]
            factors[name] = 1 / wide
            output = parameter.shape[0] == shapes[name][0]
            _scale(parameter, wide**-0.5 if output else 1.0)
            bias = network.get_submodule(name.rpartition(".")[0]).bias
            if isinstance(bias, Tensor):
                _scale(bias, wide**0.5)
    network.rate_factors = factors  # type: ignore[assignment]


def rate_factors(network: nn.Module) -> dict[str, float]:
    """Parameter name → factor on its learning rate; empty for a network of standard parametrisation."""
    return getattr(network, "rate_factors", {})


def _is_linear(network: nn.Module, name: str) -> bool:
    return isinstance(network.get_submodule(name.rpartition(".")[0]), nn.Linear)


@torch.no_grad()
def _scale(parameter: Tensor, factor: float) -> None:
    parameter.mul_(factor)


def _check_heads(network: nn.Module, base: nn.Module) -> None:
    before = dict(_head_widths(base))
    for name, width in _head_widths(network):
        if width != before.get(name):
            raise UsageError(
                f"train.width_transfer needs attention heads of one width, but those of {name} have {before.get(name)} at the base and "
                f"{width} here: change `heads` with `width`"
            )


def _head_widths(network: nn.Module) -> Iterator[tuple[str, int]]:
    for name, module in network.named_modules():
        if hasattr(module, "head_width"):
            yield name, int(module.head_width)
