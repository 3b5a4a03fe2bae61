"""The compiled twin of a function (extra "fast", numba), where there is one to be had."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import import_module
from typing import Any


def compiled_twin(module: str, name: str) -> Callable[[], Callable[..., Any] | None]:
    """A way to the function of this name in a module of `hooke.molecules`, imported at the first call and no sooner.

    It gives None if numba is not installed or finds no folder that it may write its cache to; the featuriser warns of that.
    """

    @functools.cache
    def route() -> Callable[..., Any] | None:
        try:
            return getattr(import_module(f"hooke.molecules.{module}"), name)
        except (ImportError, RuntimeError):
            return None

    return route
