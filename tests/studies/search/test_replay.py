"""Replaying optimisers on a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import wilcoxon

from hooke.studies.search.algorithms import Result, optimiser
from hooke.studies.search.replay import Replayed, compare, holm, replay, summary
from hooke.studies.search.space import Parameter, Point, Space
from hooke.studies.search.tabular import Table, tabulate

SPACE = Space(tuple(Parameter(name, tuple(range(size))) for name, size in zip("abc", (8, 8, 6), strict=True)))
CENTRE = np.array((5, 2, 4))


def scores(point: Point, seed: int) -> tuple[float, float]:
    value = float(((np.array(point) - CENTRE) ** 2).sum())
    noise = np.random.default_rng([seed, *point]).normal()
    return value + noise, value


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return tabulate(SPACE, scores, Path(tmp_path_factory.mktemp("t")) / "t.parquet", seeds=2, save_every=10**6)


def test_a_replay_equals_the_live_search(table: Table) -> None:
    found = replay(table, "tpe", trials=20, repeats=2)
    chosen, results = optimiser("tpe", SPACE, 1), []
    for number in range(20):
        point = chosen.ask(number, results)
        results.append(Result(number, point, scores(point, 1)[0]))
    best = min(results, key=lambda result: result.value)
    assert found.valid[1, -1] == best.value
    assert found.test[1, -1] == scores(best.point, 1)[1]
    assert (np.diff(found.valid, axis=1) <= 0).all()


def test_better_optimisers_are_found_better(table: Table) -> None:
    replayed = {name: replay(table, name, trials=40, repeats=30) for name in ("random", "tpe", "cma_es")}
    said = summary(table, replayed)
    assert said["points"] == 384
    assert said["best_test"] == 0
    assert said["optimisers"]["tpe"]["regret"] < said["optimisers"]["random"]["regret"]
    verdicts = {(pair["first"], pair["second"]): pair["verdict"] for pair in said["pairs"]}
    assert verdicts["random", "tpe"] == "tpe is better"
    assert len(said["optimisers"]["tpe"]["anytime_test"]) == 40


def test_equal_optimisers_are_undecided() -> None:
    same = Replayed(np.zeros((10, 2)), np.zeros((10, 2)))
    [found] = compare({"a": same, "b": same})
    assert (found.p_value, found.verdict) == (1.0, "undecided")


def test_the_test_is_scipys() -> None:
    generator = np.random.default_rng(0)
    first, second = (Replayed(np.zeros((50, 1)), generator.normal(size=(50, 1)) + shift) for shift in (0.0, 0.5))
    [found] = compare({"a": first, "b": second})
    expected = wilcoxon((first.test - second.test)[:, 0], zero_method="pratt", method="approx").pvalue
    assert found.p_value == pytest.approx(expected)


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
