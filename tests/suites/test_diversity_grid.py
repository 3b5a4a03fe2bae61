"""The suite diversity_grid."""

from __future__ import annotations

from hooke.core.recipe import load_recipe
from hooke.suites.diversity_grid import SUITE


def test_points_have_nearly_equal_products_and_rise() -> None:
    assert SUITE.name == "diversity_grid"
    frames = [molecules * conformations for molecules, conformations in SUITE.budget]
    assert max(frames) - min(frames) <= 0.02 * max(frames)
    for sweep in ([point[1] for point in SUITE.budget], [*SUITE.conformations]):
        assert sweep == sorted(set(sweep))
        assert len(sweep) >= 4
    assert len(SUITE.points) == SUITE.size == 8
    recipe = load_recipe(SUITE.recipe, ["data.path=x.parquet"])
    assert (recipe.modality, recipe.split.kind) == ("atoms", "conformation")
