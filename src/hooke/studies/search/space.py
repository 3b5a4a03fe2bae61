"""Spaces of hyper-parameters: a finite grid over options of a recipe, read from TOML and checked against the recipe's own types.

    ["train.learning_rate"]
    low = 1e-4
    high = 1e-2
    log = true
    points = 9

    ["model.depth"]
    low = 2
    high = 6
    step = 1

    ["model.width"]
    choices = [64, 128, 256]

Any key that `hooke fit` takes as an override can be searched. All spaces are grids, so that they can be tabulated, and every optimiser
proposes grid points only.
"""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hooke.core.errors import UnknownNameError, UsageError
from hooke.core.json_text import json_text
from hooke.core.reading import reading

Point = tuple[int, ...]
_FIELDS = ("low", "high", "step", "log", "points", "choices")
_POINTS = 16


@dataclass(frozen=True)
class Parameter:
    """One option and its values, in order; `ordered` when they are numbers, so that near places are alike."""

    key: str
    values: tuple[Any, ...]

    @property
    def ordered(self) -> bool:
        """Whether the values are numbers."""
        return all(isinstance(value, int | float) and not isinstance(value, bool) for value in self.values)


@dataclass(frozen=True)
class Space:
    """A grid: one value of each parameter a point."""

    parameters: tuple[Parameter, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each parameter."""
        return tuple(len(parameter.values) for parameter in self.parameters)

    @property
    def ordered(self) -> tuple[bool, ...]:
        """Which parameters are numbers."""
        return tuple(parameter.ordered for parameter in self.parameters)

    def __len__(self) -> int:
        return math.prod(self.sizes)

    def points(self) -> Iterator[Point]:
        """All points, the last parameter changing fastest."""
        return itertools.product(*(range(size) for size in self.sizes))

    def values(self, point: Point) -> dict[str, Any]:
        """Key -> value of a point."""
        return {parameter.key: parameter.values[place] for parameter, place in zip(self.parameters, point, strict=True)}

    def overrides(self, point: Point) -> list[str]:
        """The point as changes to a recipe."""
        return [f"{key}={json_text(value)}" for key, value in self.values(point).items()]

    def to_json(self) -> dict[str, Any]:
        """Key -> values."""
        return {parameter.key: list(parameter.values) for parameter in self.parameters}


def read_space(path: Path) -> Space:
    """A space from a TOML file.

    Raises:
        UsageError: It is no TOML, or an entry is neither choices nor a range.
    """
    with reading(path, "a space", raised=UsageError):
        content = tomllib.loads(Path(path).read_bytes().decode())
    if not content:
        raise UsageError(f"{path} names no option to search")
    return Space(tuple(parameter_of(key, entry) for key, entry in content.items()))


def parameter_of(key: str, entry: Any) -> Parameter:
    """One entry of a space.

    Raises:
        UsageError: It is no table, has no values, or a range that goes nowhere.
        UnknownNameError: A field that no entry has.
    """
    if not isinstance(entry, Mapping):
        raise UsageError(f'{key} must be a table: ["{key}"] with choices, or with low and high')
    for name in entry:
        if name not in _FIELDS:
            raise UnknownNameError(f"field of {key}", name, _FIELDS)
    if "choices" in entry:
        values = tuple(entry["choices"])
        if len(entry) > 1 or not values or len({json_text(value) for value in values}) < len(values):
            raise UsageError(f"{key}: choices must be different values, and stand alone")
        return Parameter(key, values)
    if not {"low", "high"} <= set(entry) or not entry["low"] < entry["high"]:
        raise UsageError(f"{key} needs choices, or low below high")
    return Parameter(key, _range(key, **entry))


def _range(
    key: str, low: float, high: float, step: float | None = None, *, log: bool = False, points: int = _POINTS
) -> tuple[Any, ...]:
    if step is not None:
        if log or step <= 0:
            raise UsageError(f"{key}: step must be above 0 and goes without log")
        count = math.floor((high - low) / step + 1e-9) + 1
        return tuple(_same_kind(low + number * step, low, step) for number in range(count))
    if points < 2 or (log and low <= 0):
        raise UsageError(f"{key} needs at least 2 points, and log a low above 0")
    shares = [number / (points - 1) for number in range(points)]
    values = [low * (high / low) ** share if log else low + (high - low) * share for share in shares]
    if isinstance(low, int) and isinstance(high, int):
        return tuple(dict.fromkeys(round(value) for value in values))
    return tuple(float(f"{value:.6g}") for value in values)


def _same_kind(value: float, low: float, step: float) -> int | float:
    return round(value) if isinstance(low, int) and isinstance(step, int) else float(f"{value:.6g}")
