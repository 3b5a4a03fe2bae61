"""Names of models, data sets, tasks and suites: the name is the file stem; looking it up imports that file alone."""

from __future__ import annotations

import importlib
import pkgutil
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType

from hooke.core.cards import Card
from hooke.core.errors import UnknownNameError, UsageError

KINDS = ("models", "datasets", "tasks", "suites")


def names(kind: str) -> list[str]:
    """All registered names of a kind, sorted; nothing is imported but the kind's own package."""
    return sorted({*_own(kind), *_third_party(kind)})


def module(kind: str, name: str) -> ModuleType:
    """Import the one file that defines `name`.

    Raises:
        UnknownNameError: No such name; the message offers the nearest.
        UsageError: A third party's entry point does not import.
    """
    if name in _own(kind):
        return importlib.import_module(f"hooke.{kind}.{name}")
    points = _third_party(kind)
    if name not in points:
        raise UnknownNameError(kind.removesuffix("s"), name, names(kind))
    try:
        return importlib.import_module(points[name].module)
    except ImportError as error:
        raise UsageError(f"the plug-in {points[name].value} ({kind} {name!r}) does not import: {error}") from error


def card(name: str) -> Card:
    """The card of a data set."""
    return module("datasets", name).CARD


def _own(kind: str) -> set[str]:
    if kind not in KINDS:
        raise UnknownNameError("kind", kind, KINDS)
    package = importlib.import_module(f"hooke.{kind}")
    return {entry.name for entry in pkgutil.iter_modules(package.__path__) if not entry.name.startswith("_")}


def _third_party(kind: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=f"hooke.{kind}")}
