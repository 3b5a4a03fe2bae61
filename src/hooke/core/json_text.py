"""JSON as every parser reads it: the one place that writes it, with null where a number is not finite (RFC 8259 knows no NaN)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def json_text(value: Any, *, indent: int | None = None, compact: bool = False) -> str:
    """A value as JSON: NaN and infinities become null, numpy's numbers and arrays plain ones, anything else unknown its text.

    Args:
        value: Dictionaries, lists and plain values.
        indent: Spaces a level; None writes one line.
        compact: Without spaces after commas and colons.
    """
    separators = (",", ":") if compact else None
    try:
        return json.dumps(value, indent=indent, separators=separators, default=_plain, allow_nan=False)
    except (
        ValueError
    ):  # some number is not finite: such values are rare, and looking for them would cost every other one
        return json.dumps(_finite(value), indent=indent, separators=separators, default=_plain, allow_nan=False)


def number_or(value: float | None, missing: float = math.nan) -> float:
    """A number that was read from JSON; `missing` for null, which stands for what was not finite when it was written."""
    return missing if value is None else float(value)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return value
