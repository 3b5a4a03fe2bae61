"""Options that were added later: at their default they leave no trace in what is hashed or saved.

A store or run is named by the hash of its options. An option added with `later` keeps the names of what was made before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, field, fields
from typing import Any, TypeVar

from hooke.core.errors import UsageError, nearest

T = TypeVar("T")
_KEY = "later"


def later(default: T) -> T:
    """A dataclass field with this default, left out of `plain` and of content hashes while it has it."""
    return field(default=default, metadata={_KEY: True})


def present(config: Any) -> list[str]:
    """The names of a dataclass's fields, without later options at their default."""
    return [
        each.name
        for each in fields(config)
        if not (each.metadata.get(_KEY) and getattr(config, each.name) == each.default)
    ]


def plain(config: Any) -> dict[str, Any]:
    """The dataclass as a dictionary, without later options at their default."""
    values = asdict(config)
    return {name: values[name] for name in present(config)}


def chosen(modality: Any, options: Mapping[str, Any]) -> Any:
    """Keyword options as the dataclass in which a modality says how its files are read.

    Raises:
        UsageError: It has no such option.
    """
    valid = [field.name for field in fields(modality.options)]
    for name in options:
        if name not in valid:
            near = nearest(name, valid)
            raise UsageError(
                f"{name} is no option for a run on {modality.name}" + (f"; did you mean {near!r}?" if near else "")
            )
    return modality.options(**options)
