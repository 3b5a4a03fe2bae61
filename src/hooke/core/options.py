"""Options that were added later: at their default they leave no trace in what is hashed or saved.

A store or run is named by the hash of its options. An option added with `later` keeps the names of what was made before it.
"""

from __future__ import annotations

from dataclasses import asdict, field, fields
from typing import Any, TypeVar

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
