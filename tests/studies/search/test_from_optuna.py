"""Optuna's samplers."""

from __future__ import annotations

import sys

import pytest

from hooke.core.errors import UsageError
from hooke.studies.search.algorithms import FROM_OPTUNA, Result, optimiser
from hooke.studies.search.space import Parameter, Space

SPACE = Space((Parameter("a", (1, 2, 3, 4)), Parameter("b", ("x", "y"))))


@pytest.mark.parametrize("name", FROM_OPTUNA)
def test_grid_points_from_the_results_alone(name: str) -> None:
    pytest.importorskip("optuna")
    results: list[Result] = []
    for number in range(13):
        point = optimiser(name, SPACE, 0).ask(number, results)
        assert all(0 <= place < size for place, size in zip(point, SPACE.sizes, strict=True))
        results.append(Result(number, point, float(point[0]) if number else float("inf")))
    assert optimiser(name, SPACE, 0).ask(12, results[:12]) == results[12].point


def test_without_it_there_is_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match=r"hooke-bio\[search\]"):
        optimiser("optuna_tpe", SPACE, 0)
