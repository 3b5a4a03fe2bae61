"""What the three checks have in common: names or modules, and failures that say what is wrong."""

from __future__ import annotations

from dataclasses import is_dataclass
from types import ModuleType

import torch
from torch import Tensor

from hooke.core import registry


class ContractError(AssertionError):
    """A model, data set or task that breaks its contract."""


def require(condition: bool | Tensor, message: str) -> None:
    """Raise `ContractError` unless the condition holds."""
    if not condition:
        raise ContractError(message)


def require_equal(found: Tensor, expected: Tensor, what: str, *, tolerance: float = 1e-9) -> None:
    """Raise `ContractError` unless two tensors agree within tolerance × (1 + largest absolute value)."""
    require(found.shape == expected.shape, f"{what}: shape {tuple(found.shape)} instead of {tuple(expected.shape)}")
    if found.numel() == 0:
        return
    found, expected = found.detach(), expected.detach()
    error = float((found - expected).abs().max())
    scale = 1 + float(expected.abs().max())
    require(error <= tolerance * scale, f"{what}: differs by {error:.3g} (values up to {scale - 1:.3g})")


def resolve_module(kind: str, module: ModuleType | str) -> ModuleType:
    """The module of a registered name, or the module itself."""
    return registry.module(kind, module) if isinstance(module, str) else module


def domain_of(module: ModuleType) -> str:
    """What a model or task is about: the `modality` of its class, "molecules" when it states none."""
    return getattr(getattr(module, "Model", None) or getattr(module, "Task", None), "modality", "molecules")


def names_of(kind: str, domain: str) -> list[str]:
    """The registered models or tasks of one domain."""
    return [name for name in registry.names(kind) if domain_of(registry.module(kind, name)) == domain]


def require_frozen_config(module: ModuleType) -> None:
    """`Config` is a frozen dataclass whose fields all have defaults."""
    config = getattr(module, "Config", None)
    require(isinstance(config, type) and is_dataclass(config), f"{module.__name__}: Config is not a dataclass")
    require(config.__dataclass_params__.frozen, f"{module.__name__}: Config is not frozen")  # type: ignore[union-attr]


def seeded(seed: int) -> torch.Generator:
    """A generator of its own."""
    return torch.Generator().manual_seed(seed)
