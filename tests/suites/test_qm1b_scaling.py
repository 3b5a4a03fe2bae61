"""The suite qm1b_scaling."""

from __future__ import annotations

from hooke.core.recipe import load_recipe
from hooke.suites.qm1b_scaling import SUITE


def test_declaration() -> None:
    assert SUITE.name == "qm1b_scaling"
    assert SUITE.size == 5
    assert SUITE.shares == tuple(sorted(SUITE.shares))
    assert SUITE.shares[-1] == 1.0
    recipe = load_recipe(SUITE.recipe, ["data.path=labels.parquet"])
    assert recipe.split.kind == "molecule"
    assert recipe.task.config.labels == (SUITE.label,)
