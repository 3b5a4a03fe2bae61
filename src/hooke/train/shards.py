"""A network divided among processes (FSDP): which parts are gathered together, and its whole state in one process.

Each block of a stack (`layers`, `blocks`) is gathered for its own pass and let go again; everything else is gathered for the whole
step. Parameters without dimension cannot be divided: every process has them, and their gradients are averaged.

Source: Zhao et al. 2023 (arXiv 2304.11277), as torch's `fully_shard`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, cast

import torch
from lightning_fabric.plugins.environments import LightningEnvironment
from lightning_fabric.strategies import ModelParallelStrategy
from lightning_fabric.strategies.launchers.multiprocessing import _MultiProcessingLauncher
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard

_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
_FROM_WHOLE = StateDictOptions(full_state_dict=True)
_STACKS = ("layers", "blocks")


class ShardedStrategy(ModelParallelStrategy):
    """FSDP2 in processes of this machine, or of several; every process takes its own part of each batch."""

    def __init__(self, devices: int, **options: Any) -> None:
        super().__init__(divided, data_parallel_size=devices, tensor_parallel_size=1, **options)

    def _configure_launcher(self) -> None:
        if isinstance(self.cluster_environment, LightningEnvironment):
            self._launcher = _MultiProcessingLauncher(self, start_method="spawn")


def stacked_blocks(module: nn.Module) -> list[nn.Module]:
    """The blocks of all stacks, which are gathered one after the other; a block within another one follows it."""
    return [
        block
        for part in module.modules()
        for name in _STACKS
        if isinstance(stack := getattr(part, name, None), nn.ModuleList)
        for block in stack
    ]


def divided(module: nn.Module, mesh: DeviceMesh) -> nn.Module:
    """The module with its parameters divided among the processes of a mesh.

    Args:
        module: Network and task.
        mesh: Has the dimension "data_parallel".
    """
    warnings.filterwarnings("ignore", ".*returned a view tensor", UserWarning)  # no layer changes its input in place
    processes = mesh["data_parallel"]
    whole = {parameter for parameter in module.parameters() if parameter.ndim == 0}
    for block in reversed(stacked_blocks(module)):  # inner ones first
        fully_shard(block, mesh=processes, ignored_params=whole)
    fully_shard(module, mesh=processes, ignored_params=whole)

    def average(parameter: Tensor) -> None:
        assert parameter.grad is not None
        torch.distributed.all_reduce(parameter.grad)
        parameter.grad /= processes.size()

    for parameter in whole:
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(average)
    return module


def whole_state(network: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and optimiser state as one process would have them; empty in all but the first. All processes call it."""
    return whole_weights(network), get_optimizer_state_dict(network, optimiser, options=_WHOLE)


def whole_weights(network: nn.Module) -> dict[str, Tensor]:
    """The weights as one process would have them; empty in all but the first. All processes call it."""
    return cast(dict[str, Tensor], get_model_state_dict(network, options=_WHOLE))


def divide_state(
    network: nn.Module, optimiser: torch.optim.Optimizer, weights: Mapping[str, Tensor], state: Mapping[str, Any]
) -> None:
    """Take over what `whole_state` gave in the first process. All processes call it, with the same state."""
    set_model_state_dict(network, dict(weights), options=_FROM_WHOLE)
    set_optimizer_state_dict(network, optimiser, dict(state), options=_FROM_WHOLE)
