"""The suite potentials."""

from __future__ import annotations

from hooke.core import registry
from hooke.studies.potential_leaderboard import Leaderboard
from hooke.suites.potentials import SUITE


def test_every_network_can_be_trained_on_every_set() -> None:
    assert SUITE.name == "potentials"
    board = Leaderboard(SUITE)
    for dataset, part in zip(SUITE.sets, SUITE.parts, strict=True):
        assert part in registry.module("datasets", dataset).Dataset.parts
        for model in SUITE.models:
            recipe = board.recipe(dataset, model, 1)
            assert (recipe.data.name, recipe.model.name, recipe.split.column, recipe.seed) == (dataset, model, part, 1)
    assert len(list(board.wanted())) == 3 * 3 * (len(SUITE.models) + 3)
