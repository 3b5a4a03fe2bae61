"""What the checks have in common: names or files, and what a file states."""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from types import ModuleType
from typing import Any

from hooke.core import registry
from hooke.modalities import Modality, modality
from hooke.nn.contract import require


def resolve_module(kind: str, module: ModuleType | str) -> ModuleType:
    """The module of a registered name, or the module itself."""
    return registry.module(kind, module) if isinstance(module, str) else module


def stated_modality(about: Any, name: str) -> Modality:
    """The modality that a model, task or card states."""
    stated = getattr(about, "modality", None)
    known = registry.names("modalities")
    require(stated in known, f"{name}: modality is {stated!r}, which is none of {', '.join(known)}")
    return modality(str(stated))


def require_frozen_config(module: Any) -> None:
    """`Config` is a frozen dataclass whose fields all have defaults."""
    require_frozen(getattr(module, "Config", None), f"{module.__name__}: Config")


def require_frozen(config: Any, what: str) -> None:
    """A frozen dataclass whose fields all have defaults."""
    require(isinstance(config, type) and is_dataclass(config), f"{what} is not a dataclass")
    require(config.__dataclass_params__.frozen, f"{what} is not frozen")
    for field in fields(config):
        default = field.default is not MISSING or field.default_factory is not MISSING
        require(default, f"{what}.{field.name} has no default")
