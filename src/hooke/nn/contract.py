"""What checks of models and tasks are made of: failures that say what is wrong, and tiny networks to find them with.

The public kit is `hooke.testing`; what a modality adds to it (`Modality.checks`) is made of the same parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from hooke.core import registry
from hooke.core.errors import HookeError
from hooke.core.recipe import named_thing
from hooke.nn.task import Task


class ContractError(AssertionError):
    """A model, task, estimator, data set or modality that breaks its contract."""


def require(condition: bool | Tensor, message: str) -> None:
    """Raise `ContractError` unless the condition holds."""
    if not condition:
        raise ContractError(message)


def require_equal(found: Tensor, expected: Tensor, what: str, *, tolerance: float = 1e-9) -> None:
    """Raise `ContractError` unless two tensors agree within tolerance × (1 + largest absolute value); NaN equals NaN."""
    require(found.shape == expected.shape, f"{what}: shape {tuple(found.shape)} instead of {tuple(expected.shape)}")
    if found.numel() == 0:
        return
    found, expected = found.detach(), expected.detach()
    same = found == expected
    if found.is_floating_point():
        same |= found.isnan() & expected.isnan()
    error = float(torch.where(same, 0, found - expected).abs().max()) if not same.all() else 0.0
    scale = 1 + float(expected.nan_to_num().abs().max())
    require(error <= tolerance * scale, f"{what}: differs by {error:.3g} (values up to {scale - 1:.3g})")


def require_refusal(call: Callable[[], Any], what: str) -> None:
    """Raise `ContractError` unless the call raises a `HookeError`."""
    try:
        call()
    except HookeError:
        return
    raise ContractError(f"{what} is not refused with a HookeError")


def seeded(seed: int) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)


def mixture(tensors: Iterable[Tensor]) -> Tensor:
    """A scalar that depends on every entry in its own way."""
    parts = [(rows * torch.randn(rows.shape, generator=seeded(0), dtype=rows.dtype)).sum() for rows in tensors]
    return torch.stack(parts).sum()


def parameters_without_gradient(network: nn.Module) -> set[str]:
    """Names of trainable parameters whose gradient is missing or 0; in them "layers.last." stands for the last layer."""
    names = {
        name for name, parameter in network.named_parameters()
        if parameter.requires_grad and (parameter.grad is None or not parameter.grad.any())
    }  # fmt: skip
    numbers = [int(found[1]) for name, _ in network.named_parameters() if (found := re.match(r"layers\.(\d+)\.", name))]
    return {re.sub(rf"^layers\.{max(numbers, default=-1)}\.", "layers.last.", name) for name in names}


def finite_gradients(network: nn.Module) -> bool:
    """Whether all gradients that there are are finite."""
    return all(bool(p.grad.isfinite().all()) for p in network.parameters() if p.grad is not None)


def built(module: Any, spec: Any, config: Any = None, *, training: bool = False, seed: int = 0) -> Any:
    """A model in float64, by default the "tiny" one of its file."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = module.Model(config or module.PRESETS["tiny"], spec)
    return model.double().train(training)


@dataclass(frozen=True)
class ModelCase:
    """A model file with items to try it on.

    Attributes:
        module: The file.
        modality: A `hooke.modalities.Modality`.
    """

    module: Any
    modality: Any

    @cached_property
    def sample(self) -> Any:
        """Of the modality."""
        return self.modality.sample()

    def build(self, config: Any = None, **options: Any) -> Any:
        """See `built`."""
        return built(self.module, self.sample.spec, config, **options)

    def batch(self, places: Sequence[int] | None = None) -> Any:
        """Items of the sample, all usual ones by default, with all that the model reads."""
        places = range(self.sample.items) if places is None else places
        return self.modality.completed(self.sample.batch(places, self.sample.spec), self.module.Model)

    def outputs(self, model: nn.Module, places: Sequence[int] | None = None) -> dict[str, Tensor]:
        """Level → rows; see `Modality.outputs`."""
        return self.modality.outputs(model, self.batch(places))


@dataclass(frozen=True)
class TaskCase:
    """A task file with items to try it on, and a small encoder for its network.

    Attributes:
        module: The file.
        modality: A `hooke.modalities.Trainable`.
        options: Its config; without, the "tiny" one of its presets where it has some, else the default.
    """

    module: Any
    modality: Any
    options: Any = None

    @property
    def config(self) -> Any:
        """What it is checked with."""
        return self.options or getattr(self.module, "PRESETS", {}).get("tiny") or self.module.Config()

    @cached_property
    def sample(self) -> Any:
        """Of the modality."""
        return self.modality.sample()

    @cached_property
    def needed(self) -> Any:
        """The spec of batches that carry all that it learns from."""
        return self.module.Task(self.config, self.sample.spec).needs(self.sample.spec)

    @property
    def learns_labels(self) -> bool:
        """Whether it does so with this config."""
        return self.module.Task.learns_labels(self.config)

    def build(self, *, spec: Any = None, seed: int = 0) -> tuple[Task, Any]:
        """The task for a spec, that of the sample by default, and its network in float64 and training mode."""
        spec = spec or self.sample.spec
        task = self.module.Task(self.config, spec)
        table = self.module.Task.example_model or self.modality.example["model"]
        model = named_thing("models", table, "example_model", "")
        require(model.kind == "models", f"the example of {self.modality.name} names no model for tasks")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            made, read = registry.module("models", model.name).Model, task.inputs(task.needs(spec))
            network = task.network(self.modality.encoder(made, model.config, read))
        return task, network.double().train()

    def batch(self, places: Sequence[int] | None = None) -> Any:
        """Items of the sample, all usual ones by default, with all that the task learns from."""
        return self.sample.batch(range(self.sample.items) if places is None else places, self.needed)
