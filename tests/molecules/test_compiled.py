"""A compiled twin is found once, and its absence is no error."""

from __future__ import annotations

import sys

import pytest

from hooke.molecules.compiled import compiled_twin
from hooke.molecules.rectified_sum_compiled import rectified_sum_compiled


def test_the_twin_is_found() -> None:
    assert compiled_twin("rectified_sum_compiled", "rectified_sum_compiled")() is rectified_sum_compiled


def test_without_it_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hooke.molecules.rectified_sum_compiled", None)
    assert compiled_twin("rectified_sum_compiled", "rectified_sum_compiled")() is None
