from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hooke.core.json_text import json_text, number_or


def _strict(text: str) -> Any:
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, np.float32("nan"), np.float64("inf")])
def test_what_is_not_finite_becomes_null_at_any_depth(bad: float) -> None:
    value = {"r2": bad, "rows": [1.5, (bad, {"deep": bad})], "array": np.array([1.0, bad])}
    assert _strict(json_text(value)) == {"r2": None, "rows": [1.5, [None, {"deep": None}]], "array": [1.0, None]}


def test_finite_values_are_written_as_the_standard_library_does() -> None:
    value = {"a": [1, 2.5, None, True], "b": "NaN", "c": {"d": 1e-300}}
    assert json_text(value) == json.dumps(value)
    assert json_text(value, indent=1) == json.dumps(value, indent=1)
    assert json_text(value, compact=True) == json.dumps(value, separators=(",", ":"))


def test_numpy_and_paths_are_plain_values() -> None:
    value = {"n": np.int64(3), "x": np.float32(0.5), "at": Path("runs/a"), "yes": np.bool_(True)}
    assert _strict(json_text(value)) == {"n": 3, "x": 0.5, "at": "runs/a", "yes": True}


def test_null_is_read_as_what_it_stood_for() -> None:
    assert math.isnan(number_or(None))
    assert number_or(None, math.inf) == math.inf
    assert number_or(2) == 2.0
