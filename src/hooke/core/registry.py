"""Names of models, data sets, tasks ...: the name is the file stem; looking it up imports that file alone.

A third party's entry point names a module, or ("module:object") an object with
the same members. Files may lie in sub-folders, which only sort them; encoders and modalities may be folders, whose name is then theirs.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, make_dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple

from hooke.core.cards import Card
from hooke.core.errors import UnknownNameError, UsageError

KINDS = ("models", "estimators", "response_models", "datasets", "tasks", "encoders", "modalities", "suites", "loggers")
_NAMED_FOLDERS = ("encoders", "modalities")
_INSIDE = {
    "response_models": "estimators.responses",
    "loggers": "train.loggers",
}  # kinds whose files are a folder of another room
_STATED_BY = {
    "models": "Model", "tasks": "Task", "estimators": "Estimator", "response_models": "ResponseModel", "datasets": "CARD",
}  # else the file itself  # fmt: skip


def names(kind: str) -> list[str]:
    """All registered names of a kind, sorted; nothing is imported but the kind's own packages."""
    return sorted({*_own(kind), *third_party(kind)})


def module(kind: str, name: str) -> ModuleType:
    """Import the one file that defines `name`.

    Raises:
        UnknownNameError: No such name; the message offers the nearest.
        UsageError: A third party's entry point does not import.
    """
    own = _own(kind)
    if name in own:
        return importlib.import_module(own[name])
    points = third_party(kind)
    if name not in points:
        raise UnknownNameError(_singular(kind), name, names(kind))
    point = points[name]
    try:
        return point.load() if point.attr else importlib.import_module(point.module)
    except ImportError as error:
        raise UsageError(f"the plug-in {point.value} ({kind} {name!r}) does not import: {error}") from error


class Stated(NamedTuple):
    """What the file of a name states, read without importing it.

    Attributes:
        config: A dataclass with the options of its `Config`; a type that only the file knows is `Any`, and ranges are not known.
        presets: Names of its `PRESETS`.
    """

    config: type
    presets: list[str]


@cache
def stated(kind: str, name: str) -> Stated | None:
    """The options of one of Hooke's own names; None of a third party's."""
    own = _own(kind)
    spec = find_spec(own[name]) if name in own else None
    if spec is None or spec.origin is None:
        return None
    statements = ast.parse(Path(spec.origin).read_bytes()).body
    config = _config(statements)
    types = {
        ast.unparse(node.target): _type(node.annotation) for node in config.body if isinstance(node, ast.AnnAssign)
    }
    presets = [
        ast.literal_eval(key)
        for node in statements
        if isinstance(node, ast.AnnAssign)
        and ast.unparse(node.target) == "PRESETS"
        and isinstance(node.value, ast.Dict)
        for key in node.value.keys
        if key is not None
    ]
    return Stated(
        make_dataclass("Config", [(name, what, field(default=None)) for name, what in types.items()]), presets
    )


def _config(statements: list[ast.stmt]) -> ast.ClassDef:
    """The class `Config` of a file, or of the package that the file takes it from."""
    for node in statements:
        if isinstance(node, ast.ClassDef) and node.name == "Config":
            return node
        if isinstance(node, ast.ImportFrom) and "Config" in [name.name for name in node.names]:
            spec = find_spec(str(node.module))
            assert spec is not None
            assert spec.origin is not None
            return _config(ast.parse(Path(spec.origin).read_bytes()).body)
    raise AssertionError("a file of a registered name has no Config")


def _type(annotation: ast.expr) -> Any:
    try:
        return eval(ast.unparse(annotation), {"Literal": Literal, "Mapping": Mapping})  # of our own file
    except NameError:
        return Any


def card(name: str) -> Card:
    """The card of a data set."""
    return module("datasets", name).CARD


def modality_of(kind: str, name: str) -> str:
    """The modality that a model, task, estimator, published encoder or data set states.

    Raises:
        UsageError: It states none.
    """
    found = module(kind, name)
    try:
        about = getattr(found, _STATED_BY[kind]) if kind in _STATED_BY else found
        return about.modality
    except AttributeError as error:
        raise UsageError(f"{_singular(kind)} {name!r} does not state its modality") from error


def _singular(kind: str) -> str:
    return "modality" if kind == "modalities" else kind.removesuffix("s").replace("_", " ")


def _own(kind: str) -> dict[str, str]:
    """Name → module."""
    if kind not in KINDS:
        raise UnknownNameError("kind", kind, KINDS)
    package = f"hooke.{_INSIDE.get(kind, kind)}"
    files = _files(package, importlib.import_module(package).__path__, folders_are_names=kind in _NAMED_FOLDERS)
    others = tuple(f"hooke.{inside}." for inside in _INSIDE.values() if f"hooke.{inside}" != package)
    return {name: path for name, path in files if not path.startswith(others)}


def _files(package: str, places: Iterable[str], *, folders_are_names: bool) -> Iterator[tuple[str, str]]:
    """The names in a package's folders; sub-packages are looked into, not imported."""
    for entry in pkgutil.iter_modules(places):
        path = f"{package}.{entry.name}"
        if entry.ispkg and not folders_are_names:
            inside = [str(Path(place) / entry.name) for place in places]
            yield from _files(path, inside, folders_are_names=False)
        elif not entry.name.startswith("_"):
            yield entry.name, path


def third_party(kind: str) -> dict[str, EntryPoint]:
    """Name → entry point of what other packages register."""
    return _registered(entry_points, f"hooke.{kind}", tuple(sys.path))


@cache
def _registered(
    read: Callable[..., Iterable[EntryPoint]], group: str, _places: tuple[str, ...]
) -> dict[str, EntryPoint]:
    """The entry points of a group; the files of a hundred packages are read once for the places where packages are looked for."""
    return {point.name: point for point in read(group=group)}
