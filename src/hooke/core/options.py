"""Options that were added later: at their default they leave no trace in what is hashed or saved.

A store or run is named by the hash of its options. An option added with `later` keeps the names of what was made before it.

Choosing some of several named things: "all", names separated by commas, or a sequence of names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, field, fields
from typing import Any, TypeVar

from hooke.core.errors import UnknownNameError, UsageError, nearest

Value = TypeVar("Value")


def choose(what: str, wanted: Sequence[str] | str, valid: Mapping[str, Value]) -> dict[str, Value]:
    """The wanted entries of `valid`, in the order of `valid`.

    Args:
        what: What the names name: "table of toymix".
        wanted: "all", "a,b" or ("a", "b").
        valid: All there are.

    Raises:
        UnknownNameError: A name that is not valid.
        UsageError: No name at all.
    """
    names = [name.strip() for name in wanted.split(",")] if isinstance(wanted, str) else list(wanted)
    if names == ["all"]:
        return dict(valid)
    if not any(names):
        raise UsageError(f"name at least one {what}: {', '.join(valid)}, or all")
    for name in names:
        if name not in valid:
            raise UnknownNameError(what, name, [*valid, "all"])
    return {name: value for name, value in valid.items() if name in names}


T = TypeVar("T")
_KEY = "later"


def later(default: T) -> T:
    """A dataclass field with this default, left out of `plain` and of content hashes while it has it."""
    return field(default=default, metadata={_KEY: True})


def later_options() -> dict[str, Any]:
    """As `later`, for a table that is empty by default."""
    return field(default_factory=dict, metadata={_KEY: True})


def present(config: Any) -> list[str]:
    """The names of a dataclass's fields, without later options at their default."""
    return [
        each.name
        for each in fields(config)
        if not (each.metadata.get(_KEY) and getattr(config, each.name) == _default(each))
    ]


def _default(option: Any) -> Any:
    return option.default if option.default_factory is MISSING else option.default_factory()


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
