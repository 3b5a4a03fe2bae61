"""Optimisers on grids."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from hooke.core.errors import UnknownNameError
from hooke.studies.search.algorithms import OPTIMISERS, CovarianceAdaptation, Result, optimiser
from hooke.studies.search.space import Parameter, Point, Space

SPACE = Space(tuple(Parameter(name, tuple(range(size))) for name, size in zip("abcd", (8, 16, 8, 8), strict=True)))
MIXED = Space((Parameter("n", (1, 2, 3)), Parameter("c", ("x", "y")), Parameter("one", (5,))))
CENTRE = np.array((5, 11, 2, 6))


def bowl(point: Point) -> float:
    return float((((np.array(point) - CENTRE) / np.array(SPACE.sizes)) ** 2).sum())


def run(name: str, trials: int, seed: int = 0, space: Space = SPACE) -> list[Result]:
    chosen, results = optimiser(name, space, seed), []
    for number in range(trials):
        point = chosen.ask(number, results)
        results.append(Result(number, point, bowl(point) if space is SPACE else float(sum(point))))
    return results


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("space", [SPACE, MIXED], ids=["numbers", "mixed"])
def test_only_grid_points_and_the_same_seed_the_same_trials(name: str, space: Space) -> None:
    results = run(name, 40, space=space)
    for result in results:
        assert all(
            type(place) is int and 0 <= place < size for place, size in zip(result.point, space.sizes, strict=True)
        )
    assert [result.point for result in run(name, 40, space=space)] == [result.point for result in results]
    assert [result.point for result in run(name, 40, 1, space)] != [result.point for result in results]


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_new_object_goes_on_from_the_results(name: str) -> None:
    results = run(name, 30)
    again = optimiser(name, SPACE, 0)
    assert again.ask(29, results[:29]) == results[29].point


def test_random_search_is_uniform() -> None:
    points = np.array([result.point for result in run("random", 4000)])
    for axis, size in enumerate(SPACE.sizes):
        assert chisquare(np.bincount(points[:, axis], minlength=size)).pvalue > 1e-3


@pytest.mark.parametrize("name", ["tpe", "cma_es"])
def test_they_beat_chance_on_a_bowl(name: str) -> None:
    def best(which: str) -> float:
        return float(np.mean([min(result.value for result in run(which, 60, seed)) for seed in range(10)]))

    assert best(name) < 0.7 * best("random")


def test_cma_es_closes_in() -> None:
    late = [np.linalg.norm(np.array(result.point) - CENTRE) for result in run("cma_es", 160)[120:]]
    assert np.mean(late) < 3


@pytest.mark.parametrize("name", OPTIMISERS)
def test_failures_and_missing_results_are_borne(name: str) -> None:
    chosen = optimiser(name, SPACE, 0)
    results = [Result(number, chosen.ask(number, []), float("inf")) for number in range(24) if number % 3]
    assert len(chosen.ask(40, results)) == 4


def test_a_space_without_numbers_is_drawn_at_random() -> None:
    space = Space((Parameter("c", ("x", "y", "z")),))
    chosen = CovarianceAdaptation(space, 0)
    assert {chosen.ask(number, []) for number in range(30)} == {(0,), (1,), (2,)}


def test_an_unknown_name() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'cma_es'"):
        optimiser("cmaes", SPACE, 0)
